-- -tokens * 2 > doubled / (score - 1) % 3 + abs(score)
-- {"f0": 2, "f1": 1, "f2": 3}
((toFloat64((-toFloat64(tokens))) * toFloat64({f0:Int64})) > (toFloat64((toFloat64((toFloat64((tokens * 2)) / nullIf(toFloat64((toFloat64(score) - toFloat64({f1:Int64}))), 0))) % nullIf(toFloat64({f2:Int64}), 0))) + toFloat64(abs(toFloat64(score)))))
