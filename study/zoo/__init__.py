"""Published networks as files of one's own, study.zoo.hinet:HiNet; `python -m study.zoo` trains and measures them."""
