-- contains(lower(note), 'x') OR icontains(name, 'y') OR starts_with(name, note) OR ends_with(upper(name), 'Z') OR length(name) > 3 OR round(score) = 2
-- {"f0": "x", "f1": "y", "f2": "Z", "f3": 3, "f4": 2}
((position(lowerUTF8(note), {f0:String}) > 0) OR (positionCaseInsensitiveUTF8(name, {f1:String}) > 0) OR startsWith(name, note) OR endsWith(upperUTF8(name), {f2:String}) OR (lengthUTF8(name) > {f3:Int64}) OR (round(toFloat64(score)) = {f4:Int64}))
