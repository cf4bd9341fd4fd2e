"""What several suites need to run against real parts: engines, servers, clients."""
