"""Stage detect: a small detector against the pair's containers. The studies share its methods and scores."""
