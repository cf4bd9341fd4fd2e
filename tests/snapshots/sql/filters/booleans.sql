-- correct AND NOT is_long OR correct = false OR (tokens > 1) != is_long
-- {"f0": false, "f1": 1}
((correct AND (NOT (length(name) > 4))) OR (correct = {f0:Bool}) OR ((tokens > {f1:Int64}) != (length(name) > 4)))
