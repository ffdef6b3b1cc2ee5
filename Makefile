# The verbs of eider. `make help` lists them; each verb is one target with a `##` line that says what it does.
# Everything is built by Meson and Ninja in build*/ directories; this file only knows the order.
SHELL := /bin/bash
export PATH := $(CURDIR)/deps/venv/bin:$(PATH)

WERROR := $(if $(filter true 1,$(CI)),true,false)
PYTEST := python -m pytest -q -p no:cacheprovider
FUZZ_SECONDS ?= 60
NINJA := nice ninja

.PHONY: help setup suites build build-asan build-tsan demo run test check unit format tidy fuzz bench asan tsan cover soak dist clean
.DEFAULT_GOAL := help

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what the build needs (packages, Python environment, pinned libraries); quick when nothing is missing
	@tools/setup

build/build.ninja: | setup
	@meson setup build -Dwerror=$(WERROR) >/dev/null

build: setup build/build.ninja ## build build/eider
	@$(NINJA) -C build --quiet

demo: build ## real data from nothing to answers: server, tenant, upload, three questions
	@tools/demo

run: build ## run a server on db/ in this directory
	@build/eider serve --data db

unit: build
	@meson test -C build --no-rebuild --suite unit --suite fuzz --suite tidy --print-errorlogs --quiet

suites: build ## install what tests/conformance needs: Java, Maven, and the suites of others (minutes, once)
	@tools/setup suites

check: suites unit ## the daily loop, under 3 minutes: build, unit tests, fuzz corpora, tidy, the quick server tests
	@$(PYTEST) tests -m 'not slow'

test: suites ## everything, under 50 minutes: also slow server tests, ASan+UBSan, TSan
	@tools/test

format: setup ## lay out every C file as .clang-format says
	@git ls-files -z --cached --others --exclude-standard '*.c' '*.h' | xargs -0 clang-format -i

tidy: build ## check the rules that a program can check (layers, names, banned calls, lengths, layout)
	@tools/tidy --build build

fuzz: setup ## fuzz every parser of outside bytes with Clang, FUZZ_SECONDS (60) each
	@[ -e build-fuzz/build.ninja ] || CC=clang meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
	@$(NINJA) -C build-fuzz --quiet
	@fuzz/run build-fuzz $(FUZZ_SECONDS)

bench: build ## measure against the peers; results go to bench/results/
	@bench/run

# The two builds that asan and tsan test; tools/test has them made while other tests wait for their servers.
build-asan: setup
	@[ -e build-asan/build.ninja ] || meson setup build-asan -Db_sanitize=address,undefined -Db_lundef=false -Dwerror=$(WERROR) >/dev/null
	@$(NINJA) -C build-asan --quiet

build-tsan: setup
	@[ -e build-tsan/build.ninja ] || meson setup build-tsan -Db_sanitize=thread -Db_lundef=false -Dwerror=$(WERROR) >/dev/null
	@$(NINJA) -C build-tsan --quiet

asan: suites build-asan ## unit tests, fuzz corpora and the quick server tests under AddressSanitizer and UBSan
	@meson test -C build-asan --no-rebuild --suite unit --suite fuzz --print-errorlogs --quiet --timeout-multiplier 4
	@EIDER_BUILD=build-asan $(PYTEST) tests -m 'not slow and not native'

tsan: build-tsan ## unit tests under ThreadSanitizer
	@meson test -C build-tsan --no-rebuild --suite unit --print-errorlogs --quiet --timeout-multiplier 4

cover: suites ## line coverage of unit and quick server tests, in build-cover/
	@[ -e build-cover/build.ninja ] || meson setup build-cover -Db_coverage=true --buildtype=debug >/dev/null
	@$(NINJA) -C build-cover --quiet
	@meson test -C build-cover --no-rebuild --suite unit --suite fuzz --quiet
	@EIDER_BUILD=build-cover $(PYTEST) tests -m 'not slow and not native' || true
	@gcovr -r . --object-directory build-cover --filter src/ --exclude '.*_(test|fuzz)\.c' --html-details build-cover/cover.html --print-summary

soak: build ## SOAK_CYCLES (10000) times kill -9 under load, SOAK_STATEMENTS (5000000) random statements of attackers
	@EIDER_KILL_CYCLES=$${SOAK_CYCLES:-10000} $(PYTEST) tests/recovery -m slow --timeout=0
	@EIDER_RANDOM_STATEMENTS=$${SOAK_STATEMENTS:-5000000} EIDER_RANDOM_SEED=$$$$ $(PYTEST) tests/hostile/test_random_sql.py --timeout=0

dist: build ## a directory to copy anywhere: dist/eider/{bin,lib}
	@rm -rf dist && meson install -C build --no-rebuild --quiet --destdir $(CURDIR)/dist/.stage
	@mkdir -p dist/eider && cp -a dist/.stage/usr/local/. dist/eider/ && rm -rf dist/.stage
	@tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$$(git log -1 --format=%ct) -C dist -czf dist/eider.tar.gz eider
	@du -sh dist/eider | cut -f1

clean: ## remove what was built; the fetched libraries in deps/ stay
	@rm -rf build build-asan build-tsan build-fuzz build-cover build-gateoff dist
