-- NOT (name = 'a' OR (tokens > 1 AND (correct OR score < 0.5)))
-- {"f0": "a", "f1": 1, "f2": 0.5}
(NOT ((name = {f0:String}) OR ((tokens > {f1:Int64}) AND (correct OR (score < {f2:Float64})))))
