#!/usr/bin/env bash
# Fetches and builds the real parts that the integration tests run against.
#
#   tests/parts/fetch.sh [PART…]     PART: prometheus debian elasticsearch zipkin python; none named: all of these
#                                    and the tools of `make test`: compiler cargo-deny
#
# Everything lands in ${PARTS_CACHE:-$HOME/.cache/watchgate-parts}, outside the source tree. A part whose inputs
# have not changed is not touched again; two runs at once wait for each other. Under CI=true a part that cannot be
# had is a failure, elsewhere it is said and the tests that need it skip.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${PARTS_CACHE:-$HOME/.cache/watchgate-parts}
all=(prometheus debian elasticsearch zipkin python)

say() { printf 'parts: %s\n' "$*"; }
fail() { say "$*" >&2; return 1; }

# need COMMAND DEBIAN_PACKAGES WHY: installs as root, else prints the one line that does.
need() {
  local command=$1 packages=$2 why=$3
  command -v "$command" >/dev/null && return
  install_debian "$packages" "$why" && command -v "$command" >/dev/null
}

install_debian() {
  local packages=$1 why=$2
  command -v apt-get >/dev/null || fail "$why needs: $packages (no apt-get here)" || return
  [ "$(id -u)" = 0 ] || fail "$why needs, once: sudo apt-get install -y --no-install-recommends $packages" || return
  say "installing $packages for $why"
  apt-get update -qq >/dev/null || true
  # shellcheck disable=SC2086  # a list of packages
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null 2>"$cache/apt.log" \
    || { cat "$cache/apt.log" >&2; return 1; }
}

# The packages would start their services: a policy that says no, for as long as the installation takes.
without_services() {
  local policy=/usr/sbin/policy-rc.d ours='' status=0
  if [ "$(id -u)" = 0 ] && [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && ours=yes
  fi
  "$@" || status=$?
  [ -z "$ours" ] || rm -f "$policy"
  return $status
}

fetch_prometheus() {
  need go golang "Prometheus 3.13 is built from its Go module, it" || return
  local tool flags='-s -w -X github.com/prometheus/common/version.Version=3.13.5'
  mkdir -p "$cache/bin"
  for tool in prometheus promtool; do
    (cd "$here/go" && nice go build -trimpath -tags remove_all_sd -ldflags "$flags" -o "$cache/bin/.$tool" \
      "github.com/prometheus/prometheus/cmd/$tool") || return
    mv "$cache/bin/.$tool" "$cache/bin/$tool-3.13"
  done
}

fetch_debian() {
  local tools=(/usr/bin/prometheus /usr/bin/promtool /usr/bin/prometheus-alertmanager /usr/bin/amtool) tool missing=''
  for tool in "${tools[@]}"; do [ -x "$tool" ] || missing=yes; done
  if [ -n "$missing" ]; then
    without_services install_debian "prometheus prometheus-alertmanager" "Prometheus 2.42 and Alertmanager 0.25" || return
    if [ -d /run/systemd/system ]; then systemctl disable -q prometheus prometheus-alertmanager; fi
  fi
  mkdir -p "$cache/bin"
  for tool in prometheus promtool; do ln -sf "/usr/bin/$tool" "$cache/bin/$tool-2.42"; done
  ln -sf /usr/bin/prometheus-alertmanager "$cache/bin/alertmanager"
  ln -sf /usr/bin/amtool "$cache/bin/amtool"
}

java_tools() {
  need javac default-jdk-headless "$1" && need mvn maven "$1"
}

copy_jars() {
  nice mvn -q -B -ntp -f "$1" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$2" \
    >"$cache/maven.log" 2>&1 || { cat "$cache/maven.log" >&2; return 1; }
}

fetch_elasticsearch() {
  java_tools "Elasticsearch 8.19" || return
  local home=$cache/elasticsearch new=$cache/elasticsearch.new module
  rm -rf "$new" && mkdir -p "$new/lib" "$new/plugins" "$new/config"
  copy_jars "$here/elasticsearch/pom.xml" "$new/lib" || return
  module=$new/modules/transport-netty4 && mkdir -p "$module"
  mv "$new"/lib/{netty-*,transport-netty4-*,elasticsearch-ssl-config-*}.jar "$module/" || return
  (cd "$module" && jar xf transport-netty4-*.jar META-INF/es-plugins && mv META-INF/es-plugins/transport-netty4/* . \
    && rm -r META-INF) || return
  javac -d "$new/launcher" --module-path "$new/lib" --add-modules org.elasticsearch.server,org.elasticsearch.logging \
    "$here/elasticsearch/Launcher.java" || return
  rm -rf "$home" && mv "$new" "$home"
}

fetch_zipkin() {
  java_tools "Zipkin 3.5" || return
  copy_jars "$here/zipkin/pom.xml" "$cache/zipkin.new" || return
  rm -rf "$cache/zipkin" && mkdir -p "$cache/zipkin"
  mv "$cache"/zipkin.new/zipkin-server-*-exec.jar "$cache/zipkin/zipkin.jar" && rm -r "$cache/zipkin.new"
}

fetch_python() {
  need python3 python3 "the Python senders" || return
  rm -rf "$cache/python"
  if ! python3 -m venv "$cache/python" >"$cache/venv.log" 2>&1; then
    install_debian python3-venv "the Python senders" || return
    rm -rf "$cache/python" && python3 -m venv "$cache/python" || return
  fi
  "$cache/python/bin/pip" install -q --disable-pip-version-check -r "$here/python/requirements.txt"
}

# The C parts of our dependencies (SQLite, mimalloc, the cryptography of aws-lc) need a compiler.
fetch_compiler() {
  need cc build-essential "building Watchgate"
}

fetch_cargo_deny() {
  nice cargo install --quiet --locked --debug --root "$cache/cargo-deny" cargo-deny --version 0.20.2
}

# What a part is made from; when it changes, the part is made again.
inputs() {
  case $1 in
    prometheus) cat "$here/go/go.mod" "$here/go/go.sum" ;;
    debian | compiler | cargo-deny) echo 1 ;;
    elasticsearch) cat "$here/elasticsearch/pom.xml" "$here/elasticsearch/Launcher.java" ;;
    zipkin) cat "$here/zipkin/pom.xml" ;;
    python) cat "$here/python/requirements.txt" ;;
    *) say "unknown part \`$1\`: one of ${all[*]}" >&2; exit 2 ;;
  esac
  sed -n "/^fetch_${1//-/_}()/,/^}/p" "$here/fetch.sh"
}

# What lies outside the cache may be gone although the stamp is there.
present() {
  local tool
  case $1 in
    debian) for tool in prometheus-2.42 promtool-2.42 alertmanager amtool; do [ -x "$cache/bin/$tool" ] || return 1; done ;;
    compiler) command -v cc >/dev/null ;;
  esac
}

fetch() {
  local part=$1 stamp=$cache/$1.stamp sum started=$SECONDS
  sum=$(set -e; inputs "$part" | cksum) || exit 2
  exec 9>"$cache/$part.lock"
  flock 9
  if [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && present "$part"; then
    say "$part: cached"
    return
  fi
  rm -f "$stamp"
  "fetch_${part//-/_}" || fail "$part: not to be had, the tests that need it will skip (under CI=true: fail)" || return
  printf '%s\n' "$sum" >"$stamp"
  say "$part: fetched and built in $((SECONDS - started)) s"
}

mkdir -p "$cache"
missing=0
for part in "${@:-${all[@]}}"; do
  fetch "$part" || missing=$((missing + 1))
done
[ "$missing" = 0 ] || [ "${CI:-}" != true ]
