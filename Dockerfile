# stegnet with all that it needs: a node of Ray, an MLflow server, the command line. compose.yaml starts a cluster of it.
#
#   docker build -t stegnet:cpu .
#   docker build -t stegnet:cuda --build-arg DEVICE=cuda .      # run it with --gpus all

ARG PYTHON=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

FROM ${PYTHON} AS packages
ARG DEVICE=cpu
WORKDIR /source
COPY constraints.txt pyproject.toml ./
# The versions are those of constraints.txt; boto3 and psycopg are for MLflow's server, with S3 and PostgreSQL.
RUN --mount=type=cache,target=/root/.cache \
    case "$DEVICE" in \
        cpu) torch="--torch-backend cpu" ;; \
        cuda) torch="" ;; \
        *) echo "error: DEVICE is cpu or cuda, not $DEVICE" >&2; exit 1 ;; \
    esac \
    && python -m venv /venv \
    && pip install --disable-pip-version-check --root-user-action ignore -c constraints.txt uv \
    && uv pip install --python /venv/bin/python --link-mode copy --compile-bytecode -c constraints.txt $torch \
        -r pyproject.toml --extra all boto3 'psycopg[binary]'

FROM ${PYTHON}
# DVC needs git, the kernels a C compiler. A volume gets the owner of the folder where it is mounted: .ray, where Ray keeps its token.
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc git libc6-dev \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 stegnet \
    && install -d -o stegnet -g stegnet /home/stegnet/.ray /home/stegnet/stegnet
COPY --from=packages /venv /venv
# DVC and MLflow ask for both, also of a user id without a name (docker run --user).
ENV HOME=/home/stegnet USER=stegnet \
    PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    RAY_USAGE_STATS_ENABLED=0 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /home/stegnet/stegnet
COPY --chown=stegnet . .
RUN pip install --disable-pip-version-check --root-user-action ignore --no-cache-dir --no-deps --no-build-isolation -e .
USER stegnet
CMD ["stegnet", "--help"]
