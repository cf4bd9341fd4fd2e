-- name NOT IN ('a', 'b') AND tokens IN (1, 2) AND score IN (1, .5) AND correct IN (true)
-- {"f0": ["a", "b"], "f1": [1, 2], "f2": [1.0, 0.5], "f3": [true]}
((NOT (name IN {f0:Array(String)})) AND (tokens IN {f1:Array(Int64)}) AND (score IN {f2:Array(Float64)}) AND (correct IN {f3:Array(Bool)}))
