"""What the shuffle gives away: jigsaw solvers and known frames."""
