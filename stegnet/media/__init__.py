"""Pictures and films alike: covers, JPEGs made of them, traces of compression, copies that fit, checks of a result."""
