"""Values of the app and their bounded JSON form."""
