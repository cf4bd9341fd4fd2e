"""Pure steps between the wire and the table: decode, validate, normalise, lay out in columns."""
