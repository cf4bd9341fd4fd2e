-- attributes.user.id IS NULL OR attributes.x IS NOT NULL
-- {"f0": "user.id", "f1": "x"}
(((NOT (mapContains(attr_str, {f0:String}) OR mapContains(attr_int, {f0:String}) OR mapContains(attr_float, {f0:String}) OR mapContains(attr_bool, {f0:String})))) OR (NOT (NOT (mapContains(attr_str, {f1:String}) OR mapContains(attr_int, {f1:String}) OR mapContains(attr_float, {f1:String}) OR mapContains(attr_bool, {f1:String})))))
