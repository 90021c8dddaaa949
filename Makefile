# Watchgate's commands for developers. `make demo` and `make test` are the two that everybody needs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

FETCH := tests/parts/fetch.sh
CARGO_DENY := $(or $(PARTS_CACHE),$(HOME)/.cache/watchgate-parts)/cargo-deny/bin/cargo-deny

# How long `make fuzz` and `make soak` run.
MINUTES ?= 5
# How long each fuzz target runs in `make test`.
FUZZ_SECONDS := 5

# $(call phase,name,commands): runs them and prints how long they took.
define phase
@printf '\n== %s\n' '$(1)'; \
status=0; ( $(2) ) || status=$$?; \
printf '== %s: %d s\n' '$(1)' $$SECONDS; ( exit $$status )
endef

.PHONY: help demo test parts soak bench fuzz tools format lint deny fuzz-briefly tests

help:
	@echo 'make demo              the gateway and a small shop that sends it real traffic'
	@echo 'make test              every check, against the real stores'
	@echo 'make parts             fetches and builds the real stores and senders (cached outside the tree)'
	@echo 'make bench             codecs, rules, journal: items/s and bytes/s'
	@echo 'make fuzz MINUTES=5    every fuzz target in turn, that long altogether'
	@echo 'make soak MINUTES=5    load, crashes and dead stores for that long; counts at the end'

# The development profile: it builds in half the time of a release, and a fresh clone has to build first.
demo:
	@cargo run --quiet -- demo

# One after the other, whatever -j says: the tests want both cores.
test:
	@$(MAKE) --no-print-directory -j1 tools format lint deny parts fuzz-briefly tests

tools:
	$(call phase,tools,$(FETCH) compiler)

format:
	$(call phase,format,cargo fmt --all --check)

lint:
	$(call phase,clippy,cargo clippy --all-targets --quiet -- -D warnings)

deny:
	$(call phase,licences and bans,$(FETCH) cargo-deny; \
	  if [ -x $(CARGO_DENY) ]; then $(CARGO_DENY) --log-level error check bans licenses sources; fi)

parts:
	$(call phase,real parts,$(FETCH))

fuzz-briefly:
	$(call phase,fuzz targets $(FUZZ_SECONDS) s each,tests/fuzz.sh $(FUZZ_SECONDS))

# Every test binary runs even if one fails; the last line adds up what each of them said.
tests:
	$(call phase,tests,mkdir -p target; cargo test --no-fail-fast 2>&1 | tee target/tests.output) || status=$$?; \
	awk '/^test result:/ { passed += $$4; failed += $$6 } END { print passed + 0 " passed, " failed + 0 " failed" }' \
	  target/tests.output; exit $${status:-0}

bench:
	cargo bench

fuzz:
	tests/fuzz.sh $$(( $(MINUTES) * 60 / $$(tests/fuzz.sh --count) ))

soak:
	SOAK_MINUTES=$(MINUTES) cargo test --release --test it stores::crash::soak -- --ignored --nocapture
