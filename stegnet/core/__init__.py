"""The foundation of all packages: errors, names, files on disk, parallel work, pixels, measures, the keystream."""
