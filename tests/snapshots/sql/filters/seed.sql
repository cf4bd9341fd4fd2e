-- "correct" = false AND "score" > 0.8
-- {"f0": false, "f1": 0.8}
((correct = {f0:Bool}) AND (score > {f1:Float64}))
