# The command `recon` with all extras, for the CPU:
#     docker build --tag unrolled-recon .
#     docker run --rm --volume "$PWD:/scans" unrolled-recon reconstruct my.h5 --output image.png
# With CUDA, from an index of PyTorch that fits the driver:
#     docker build --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 --tag unrolled-recon:cuda .
#     docker run --rm --gpus all --volume "$PWD:/scans" unrolled-recon:cuda demo
ARG PYTHON=3.11
FROM python:${PYTHON}-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=all

WORKDIR /opt/unrolled-recon
COPY constraints.txt ./
RUN pip install --no-cache-dir --no-deps --constraint constraints.txt --index-url "${TORCH_INDEX}" torch
COPY pyproject.toml README.md LICENSE ./
COPY data data
COPY experiments experiments
COPY models models
COPY recon recon
RUN pip install --no-cache-dir --constraint constraints.txt ".[${EXTRAS}]"

RUN useradd --create-home recon
USER recon
WORKDIR /scans
ENTRYPOINT ["recon"]
CMD ["--help"]
