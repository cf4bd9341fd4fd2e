-- tokens BETWEEN 1 AND 5.5 AND name NOT BETWEEN 'a' AND 'b'
-- {"f0": 1, "f1": 5.5, "f2": "a", "f3": "b"}
((tokens BETWEEN {f0:Int64} AND {f1:Float64}) AND (name NOT BETWEEN {f2:String} AND {f3:String}))
