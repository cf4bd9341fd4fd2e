-- attributes."user.id" = 'ann' AND attributes.retries >= 2 AND attributes.cached = true
-- {"f0": "user.id", "f1": "ann", "f2": "retries", "f3": 2, "f4": "cached", "f5": true}
(((if(mapContains(attr_str, {f0:String}), attr_str[{f0:String}], NULL)) = {f1:String}) AND ((multiIf(mapContains(attr_int, {f2:String}), toFloat64(attr_int[{f2:String}]), mapContains(attr_float, {f2:String}), attr_float[{f2:String}], NULL)) >= {f3:Int64}) AND ((if(mapContains(attr_bool, {f4:String}), attr_bool[{f4:String}], NULL)) = {f5:Bool}))
