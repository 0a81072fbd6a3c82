"""What comes out without the right key."""
