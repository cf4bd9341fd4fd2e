"""The embedded engine's own configuration: what cannot be said in a table's definition."""

from pathlib import Path

_CONFIG = """<clickhouse>
    <!-- Young parts are soon merged, so written again: they are compressed fast. Large ones stay. -->
    <compression>
        <case>
            <min_part_size>536870912</min_part_size>
            <min_part_size_ratio>0</min_part_size_ratio>
            <method>zstd</method>
            <level>1</level>
        </case>
    </compression>
</clickhouse>
"""


def written_config(folder: Path) -> Path:
    """The configuration as a file in a folder; the engine reads it when it opens."""
    path = folder / "engine.xml"
    if not path.exists() or path.read_text() != _CONFIG:
        new = path.with_suffix(".new")
        new.write_text(_CONFIG)
        new.replace(path)
    return path
