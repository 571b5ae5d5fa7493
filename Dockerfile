# reid_jax on a CPU: docker build -t reid_jax . && docker run -v "$PWD/runs:/home/person/runs" reid_jax remix --workdir=runs/remix
FROM python:3.11-slim

WORKDIR /opt/reid_jax
COPY requirements.txt constraints.txt setup.cfg pyproject.toml README.md LICENSE ./
COPY reid_jax reid_jax
COPY experiments experiments
RUN pip install --no-cache-dir -c constraints.txt '.[search,serve,onnx]'

RUN useradd --create-home person
USER person
WORKDIR /home/person
RUN mkdir runs
ENTRYPOINT ["reid-jax"]
CMD ["--help"]
