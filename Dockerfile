# Every image of the project; `make images` builds them all and prints what they weigh.
#
#   docker build --target function --build-arg GROUP=function-cache --build-arg FUNCTION=user/list_agents .
#
# GROUP names the locked dependencies, deploy/requirements/<GROUP>.txt. Layers go from what seldom changes to what often
# does: Python, the packages of every part, those of the group, shared code, and last the function's own file.

ARG GROUP=function

FROM python:3.13-slim AS python
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
WORKDIR /app
RUN groupadd -g 10001 botberi && useradd -u 10001 -g 10001 -M -d /tmp -s /usr/sbin/nologin botberi

FROM python AS tools
RUN --mount=type=bind,source=deploy/requirements/bootstrap.txt,target=/requirements.txt \
    --mount=type=cache,target=/cache,id=botberi \
    pip install -q --root-user-action=ignore --cache-dir /cache/pip --require-hashes -r /requirements.txt

# uv is mounted where it is used and lies in no image.
FROM python AS environment
RUN --mount=type=bind,from=tools,source=/usr/local/bin/uv,target=/usr/local/bin/uv \
    --mount=type=bind,source=deploy/requirements/function.txt,target=/requirements.txt \
    --mount=type=cache,target=/cache,id=botberi \
    python -m venv --without-pip /opt/venv \
 && PYC_INVALIDATION_MODE=UNCHECKED_HASH uv pip install -q --python /opt/venv --cache-dir /cache/uv --link-mode copy \
      --compile-bytecode --require-hashes --no-deps -r /requirements.txt
COPY deploy/images/healthy /usr/local/bin/

FROM python AS code
COPY tools/images/split.py /
COPY . /source
RUN python /split.py /source /parts

# The packages of a group, less those that are there already, so that its layer holds the difference alone.
FROM environment AS group
ARG GROUP
RUN --mount=type=bind,from=tools,source=/usr/local/bin/uv,target=/usr/local/bin/uv \
    --mount=type=bind,source=deploy/requirements,target=/requirements \
    --mount=type=cache,target=/cache,id=botberi \
    PYC_INVALIDATION_MODE=UNCHECKED_HASH uv pip install -q --python /opt/venv --cache-dir /cache/uv --link-mode copy \
      --compile-bytecode --require-hashes --no-deps -r /requirements/${GROUP}.txt

FROM group AS base
COPY --from=code /parts/shared /app
COPY deploy/subscriptions.json /app/deploy/
USER 10001:10001
EXPOSE 8080
ENTRYPOINT ["python", "-m", "functions.runtime.host"]

FROM base AS function
ARG FUNCTION
COPY --from=code /parts/functions/${FUNCTION} /app

# Relays, dispatcher, worker, Flower, migrations: what they run is their command.
FROM base AS service
COPY --from=code /parts/services /app
ENTRYPOINT ["python", "-m"]

FROM service AS agent-host
CMD ["functions.services.agent_host"]

FROM service AS docs
COPY deploy/openapi /app/deploy/openapi

# What runs once, before the others: secrets, roles and schema, queues, the first agents and administrator.
FROM service AS setup
COPY --from=code /parts/setup /app
COPY deploy/images/botberi /usr/local/bin/

FROM debian:trixie-slim AS pgbouncer
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends pgbouncer >/dev/null \
 && rm -rf /var/lib/apt/lists/*
COPY deploy/pgbouncer/start.sh /usr/local/bin/pgbouncer-start
COPY deploy/images/healthy /usr/local/bin/
USER 10001:10001
ENTRYPOINT ["pgbouncer-start"]
