#!/usr/bin/env bash
# Checks stegnet on this machine's GPUs within ten minutes: prepares rendered scenes, trains, resumes, exports, evaluates,
# detects, hides a film in a film, and hides and reveals pictures; compares the bits of trainings, prints pairs a second and memory.
# Needs neither DVC nor MLflow nor the Internet, only `pip install '.[pipeline]'`. DEVICE=cpu: the CPU, with less work.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
device=${DEVICE:-cuda}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset DVC_ROOT
export PYTHONPATH="$repository" MLFLOW_TRACKING_URI="sqlite:///$folder/mlflow.db"
python=${PYTHON:-python}
if [ "$device" = cpu ]; then
    export CUDA_VISIBLE_DEVICES=
    scenes=24 size=96 pairs=80 batch=8 checkpoint=5
else
    scenes=1000 size=256 pairs=20000 batch=64 checkpoint=50
fi

step() { printf '== %s, %s s\n' "$1" "$SECONDS"; }

# place FOLDER [KEY=VALUE…]: a folder of its own, with keys of params.yaml's train changed
place() {
    place=$folder/$1
    mkdir -p "$place"
    "$python" - "$folder/params.yaml" "$place/params.yaml" "${@:2}" <<'PYTHON'
import sys, yaml
from pathlib import Path
params = yaml.safe_load(Path(sys.argv[1]).read_text())
params["train"] |= {key: yaml.safe_load(value) for key, value in (each.split("=") for each in sys.argv[3:])}
Path(sys.argv[2]).write_text(yaml.safe_dump(params))
PYTHON
}

# train FOLDER [KEY=VALUE…]: in such a folder
train() {
    place "$@"
    cd "$place"
    exec "$python" -m pipeline.train ../shards pair.safetensors curve.csv 2>"$place/said"
}

# trained FOLDER: what a training said of its device, speed and memory; with what follows it, that it went on
trained() { tr '\r' '\n' <"$folder/$1/said" | grep -E '^(INFO|WARNING|error|hint)' | sed "s/^/   $1: /"; }

# alike FOLDER: compares the quality of a training with the first one's
alike() {
    "$python" - "$1" <<'PYTHON'
import csv, sys
last = [list(csv.DictReader(open(f"{name}/curve.csv")))[-1] for name in ("first", sys.argv[1])]
for key in ("validation_container_psnr", "validation_secret_psnr"):
    one, other = (float(each[key]) for each in last)
    print(f"   {key}: {one:.2f} and {other:.2f} dB")
    assert abs(one - other) < 1, "they differ by more than 1 dB"
PYTHON
}

# A check that fails shows the whole of what the last training said.
trap 'echo "FAILED at line $LINENO" >&2; tail -n 30 "$folder"/*/said >&2 || true' ERR

step "device"
cd "$folder"
"$python" - "$device" <<'PYTHON'
import sys
import torch
from stegnet.core.compute import device_name, pick_device, resolve
device = pick_device()
print(f"   PyTorch {torch.__version__}, CUDA {torch.version.cuda}: {device_name(device)}, {resolve('auto', device)}")
if device.type == "cuda":
    memory = torch.cuda.get_device_properties(device).total_memory / 2**30
    print(f"   {torch.cuda.device_count()} GPUs, {memory:.0f} GiB, capability {torch.cuda.get_device_capability(device)}")
if device.type != sys.argv[1]:
    sys.exit(f"error: PyTorch can't use {sys.argv[1]} here: it sees no GPU\nhint: DEVICE=cpu checks the CPU")
PYTHON

step "prepare"
mkdir data pictures
"$python" - "$scenes" "$size" "$pairs" "$batch" "$checkpoint" "$repository/params.yaml" <<'PYTHON'
import sys, yaml
from pathlib import Path
from PIL import Image
from pipeline.prepare.scenes import render_scene
scenes, size, pairs, batch, checkpoint = map(int, sys.argv[1:6])
params = yaml.safe_load(Path(sys.argv[6]).read_text())
params["data"] |= {
    "source": "scenes", "scenes": scenes, "side": size, "validation_scenes": 8, "test_scenes": 4, "test_folder": "pictures",
    "test_photographs": False,
}
params["train"] |= {"pairs": pairs, "batch": batch, "checkpoint": checkpoint, "validate": checkpoint}
params["detect"]["pairs"] = min(scenes, 200)
params["model"]["name"] = "costa"  # whose networks a GPU computes in all stages
Path("params.yaml").write_text(yaml.safe_dump(params))
for number in range(4):
    Image.fromarray(render_scene(512, (number, 7))).save(f"pictures/{number}.png")
PYTHON
"$python" -m pipeline.prepare data shards prepare.json 2>prepare.txt || { cat prepare.txt >&2; exit 1; }

step "load: pairs a second, with train.workers=auto"
"$python" - "$device" <<'PYTHON'
import sys, time
from pathlib import Path
import torch
from pipeline.config import load
from pipeline.parameters.training import TrainParameters
from pipeline.train.pairs import WITH_BASES, Pairs, load_batches
from pipeline.train.run import loader_processes
config = load(Path("params.yaml"), TrainParameters)
train, count = config.train, 40 * config.train.batch
pairs = Pairs(Path("shards"), train.crop, train.augment, config.seed, WITH_BASES)
workers = loader_processes(train, torch.device(sys.argv[1]))
batches = load_batches(pairs, [range(at, at + train.batch) for at in range(0, count, train.batch)], workers)
next(batches)  # once the processes have started
begun = time.monotonic()
seen = sum(len(batch) for batch in batches)
print(f"   {seen / (time.monotonic() - begun):.0f} pairs a second by {workers} processes")
PYTHON

if [ "$device" = cuda ]; then
    step "steps: pairs a second without a loader; with train.compile, after its minute"
    for compiled in False True; do
        "$python" - $compiled <<'PYTHON'
import sys, time
from dataclasses import replace
from pathlib import Path
import torch
from pipeline.config import load
from pipeline.parameters.training import TrainParameters
from pipeline.train.pairs import WITH_BASES, Pairs, load_batches
from pipeline.train.run import prepare_run
from pipeline.train.train import Trainer
from stegnet.core.compute import make_deterministic
config = load(Path("params.yaml"), TrainParameters)
train = replace(config.train, compile=sys.argv[1] == "True")
run = prepare_run(replace(config, train=train), Path("shards"))
config = run.config
make_deterministic(config.seed, train.threads)
trainer = Trainer(run)
(batch,) = load_batches(Pairs(Path("shards"), train.crop, train.augment, config.seed, WITH_BASES), [range(train.batch)], 0)
for warm in (True, False):
    begun = time.monotonic()
    for _ in range(5 if warm else 100):
        trainer.step(batch)
    torch.cuda.synchronize()
print(f"   compile={train.compile}: {100 * train.batch / (time.monotonic() - begun):.0f} pairs a second")
PYTHON
    done
fi

step "train"
(train first)
trained first
step "train again: the same bits?"
(train second)
trained second
cmp "$folder/first/pair.safetensors" "$folder/second/pair.safetensors"
cmp "$folder/first/curve.csv" "$folder/second/curve.csv"

step "train, stopped after a checkpoint, and resumed: the same bits?"
(train third) &
stopped=$!
until compgen -G "$folder/third/.checkpoints/*.pt" >/dev/null || ! kill -0 $stopped 2>/dev/null; do sleep 0.05; done
kill -TERM $stopped
code=0
wait $stopped || code=$?
[ $code = 143 ] || { echo "error: the stopped training ended with $code, not 143" >&2; false; }
tail -n 1 "$folder/third/said" | sed 's/^/   /'
(train third)
trained third
cmp "$folder/first/pair.safetensors" "$folder/third/pair.safetensors"
cmp "$folder/first/curve.csv" "$folder/third/curve.csv"

step "train by two processes that share the device, by gloo: nearly the same?"
port=$("$python" -c "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])")
place fifth threads=1
for node in 0 1; do
    (cd "$folder/fifth" && STEGNET_DISTRIBUTED_BACKEND=gloo exec "$python" -m torch.distributed.run --nnodes 2 --node-rank $node \
        --nproc-per-node 1 --master-addr 127.0.0.1 --master-port "$port" -m pipeline.train ../shards pair.safetensors \
        curve.csv 2>"$folder/fifth/said$node") &
done
wait
mv "$folder/fifth/said0" "$folder/fifth/said"
trained fifth
grep -q "processes 2," "$folder/fifth/said"
alike fifth

step "train by one process, in parts: nearly the same?"
(train fourth devices=1 threads=1 accumulate=4)
trained fourth
alike fourth

step "export and evaluate"
"$python" -m pipeline.export first/pair.safetensors onnx 2>export.txt || { cat export.txt >&2; exit 1; }
"$python" -m pipeline.evaluate shards first/pair.safetensors evaluate speed.json 2>evaluate.txt || { cat evaluate.txt >&2; exit 1; }

step "detect, twice: the same bits?"
for out in detect again; do
    "$python" -m pipeline.detect shards first/pair.safetensors "$out" 2>detect.txt || { cat detect.txt >&2; exit 1; }
done
cmp detect/detect.csv again/detect.csv

step "video"
ffmpeg=$("$python" -c "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())")
for film in cover secret; do
    "$ffmpeg" -v error -i "$repository/assets/$film.mp4" -t 0.5 -vf scale=320:176 -an "$film.mp4"
done
"$python" -m pipeline.video first/pair.safetensors cover.mp4 secret.mp4 video 2>video.txt || { cat video.txt >&2; exit 1; }

step "hide on $device, reveal on $device and on the CPU"
"$python" -m stegnet keygen key >keygen.txt 2>&1
"$python" -m stegnet hide pictures/0.png pictures/1.png -o container.png --key-file key --method network \
    --weights first/pair.safetensors --device "$device" --any-quality
for where in "$device" cpu; do
    "$python" -m stegnet reveal container.png -o "$where.png" --key-file key --weights first/pair.safetensors \
        --device "$where" --force
done
"$python" - "$device" <<'PYTHON'
import sys
import numpy as np
from PIL import Image
from stegnet.core.measures import psnr
secret, *revealed = (np.asarray(Image.open(f)) for f in ("pictures/1.png", f"{sys.argv[1]}.png", "cpu.png"))
here, cpu = (psnr(secret, each) for each in revealed)
print(f"   secret: {here:.2f} dB on {sys.argv[1]}, {cpu:.2f} dB on the CPU")
assert abs(here - cpu) < 0.5, "they differ by more than 0.5 dB"
PYTHON
step "all is well"
