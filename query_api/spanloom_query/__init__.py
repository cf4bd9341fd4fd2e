"""Read ClickHouse: query API, web page and command line."""
