"""Container against secret: networks beside classical ways to hide."""
