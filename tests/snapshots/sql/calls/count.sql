SELECT count() FROM spans FINAL
WHERE project = {project:String}
  AND if(mapContains(attr_str, 'spanloom.op.name'), attr_str['spanloom.op.name'], toString(name)) = {op:String}
  AND kind = {kind:String}
  AND status = {status:String}
  AND start_time >= fromUnixTimestamp64Nano({started_from_ns:Int64}, 'UTC')
  AND parent_span_id = ''
