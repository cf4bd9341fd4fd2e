-- note IS NULL AND tokens IS NOT NULL AND correct IS TRUE AND correct IS NOT FALSE AND (score > 1) IS NULL
-- {"f0": 1}
((isNull(note)) AND (NOT isNull(tokens)) AND (ifNull(correct, false)) AND (NOT ifNull(NOT correct, false)) AND (isNull((score > {f0:Int64}))))
