-- name LIKE 'a%' AND name NOT LIKE '_' AND note ILIKE '%é%' AND name ~ '^a' AND note !~ 'b$' AND regex(name, 'c') AND NOT is_null(note)
-- {"f0": "a%", "f1": "_", "f2": "%é%", "f3": "^a", "f4": "b$", "f5": "c"}
((name LIKE {f0:String}) AND (name NOT LIKE {f1:String}) AND (note ILIKE {f2:String}) AND (match(name, {f3:String})) AND (NOT match(note, {f4:String})) AND (match(name, {f5:String})) AND (NOT (isNull(note))))
