-- score NOT IN (0, 1)
-- {"f0": [0, 1]}
(NOT ((score IN {f0:Array(Int64)}) OR score = 0))
