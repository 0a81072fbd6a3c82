"""What experiments and tags are called in MLflow."""

EXPERIMENT, DATA_EXPERIMENT = "stegnet", "stegnet-data"

STAGE = "stegnet.stage"  # the stage that a run is an execution of
KEY = "stegnet.key"  # hash of what it wrote
WEIGHTS = "stegnet.weights"  # hash of the weights that it made or measured
PARAMS = "stegnet.params"  # hash of all parameters: runs with the same one belong together
TRAINING = "stegnet.training"  # fingerprint of the training: a run that was interrupted goes on when it does
RESTORED = "stegnet.restored"  # "true": logged from the stage's files, not while it ran
NAME = "stegnet.experiment"  # DVC's name of the experiment
COMMAND = "stegnet.command"  # the command of the stage
REPEAT = "stegnet.repeat"  # the command that does it all again
