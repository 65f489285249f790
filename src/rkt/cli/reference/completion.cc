// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/reference/completion.h"

#include <set>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/strings.h"
#include "rkt/cli/reference/table.h"

namespace rkt::cli {
namespace {

using rktlet::base::StrCat;

constexpr char kMadeFrom[] =
    "# SPDX-License-Identifier: Apache-2.0\n# Made of rkt's table of commands when it was built.\n\n";

// Lists that the shells ask for. In each the part before the first blank of every line is a candidate.
constexpr char kPods[] = "rkt list --full --no-legend 2>/dev/null";
constexpr char kImages[] = "rkt image list --full --no-legend 2>/dev/null";

const char* NameOf(Operand operand) {
  switch (operand) {
    case Operand::kPod:
      return "pod";
    case Operand::kImage:
      return "image";
    default:
      return "file";
  }
}

std::string Words(const TableCommand& command) {
  std::vector<std::string> words;
  for (const Operand operand : command.operands) {
    words.emplace_back(NameOf(operand));
  }
  return StrCat(absl::StrJoin(words, " "), command.repeats ? " ..." : "");
}

std::string FlagWords(const std::vector<TableFlag>& flags) {
  std::vector<std::string> words;
  for (const TableFlag& flag : flags) {
    words.push_back(StrCat("--", flag.name, flag.takes_value ? "=" : ""));
  }
  return absl::StrJoin(words, " ");
}

// What a flag's value is, for the scripts: words to choose from, or the name of a kind.
std::string ValueKind(const TableFlag& flag) {
  if (!flag.choices.empty()) {
    return absl::StrJoin(flag.choices, " ");
  }
  if (flag.name == "app") {
    return "@app";
  }
  const bool file = flag.placeholder.find("FILE") != std::string::npos || flag.placeholder == "DIR";
  return file && flag.takes_value ? "@file" : "";
}

// `[KEY]='…'` for each command: the form that bash and zsh share.
std::string Tables(const Registry& registry, bool zsh) {
  std::string flags;
  std::string operands;
  std::string values;
  const auto entry = [zsh](const std::string& key, const std::string& value) {
    const std::string quoted = absl::StrReplaceAll(value, {{"'", "'\\''"}});
    return zsh ? StrCat("  '", key, "' '", quoted, "'\n") : StrCat("  ['", key, "']='", quoted, "'\n");
  };
  const auto add_values = [&](const std::string& command, const std::vector<TableFlag>& of) {
    for (const TableFlag& flag : of) {
      if (const std::string kind = ValueKind(flag); !kind.empty()) {
        values += entry(StrCat(command, " --", flag.name), kind);
      }
    }
  };
  for (const TableCommand& command : TableOf(registry)) {
    flags += entry(command.path, FlagWords(command.flags));
    operands += entry(command.path, Words(command));
    add_values(command.path, command.flags);
  }
  flags += entry("*", StrCat(FlagWords(GlobalTableFlags()), " --help"));
  add_values("*", GlobalTableFlags());
  const char* const declare = zsh ? "typeset -gA" : "declare -gA";
  return StrCat(declare, " _rkt_flags=(\n", flags, ")\n", declare, " _rkt_operands=(\n", operands, ")\n", declare,
                " _rkt_values=(\n", values, ")\n");
}

constexpr char kBash[] = R"shell(
# The words that may follow those of an unfinished command.
_rkt_next() {
  local path
  for path in "${!_rkt_flags[@]}"; do
    [[ $path != '*' ]] || continue
    if [[ ! $1 ]]; then
      echo "${path%% *}"
    elif [[ $path == "$1 "* ]]; then
      path=${path#"$1 "}
      echo "${path%% *}"
    fi
  done | sort -u
}

_rkt_candidates() { # KIND POD
  case $1 in
    @app) [[ ! $2 ]] || rkt app list "$2" --no-legend 2>/dev/null | awk '{ print $1 }' ;;
    pod) PODS | awk '$1 ~ /^[0-9a-f-]+$/ { print $1 }' ;;
    image) IMAGES | awk '{ print $2; print $1 }' ;;
    *) echo "$1" | tr ' ' '\n' ;;
  esac
}

_rkt() {
  local current=${COMP_WORDS[COMP_CWORD]} command='' key=none word flag='' pod='' index operands=() known
  local -i place=0
  COMPREPLY=()
  # bash splits at "=": FLAG, =, VALUE.
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=${COMP_WORDS[index]}
    flag=''
    [[ $word != -- ]] || return
    if [[ $word == -* ]]; then
      known=" ${_rkt_flags[$key]-} ${_rkt_flags['*']} "
      if [[ ${COMP_WORDS[index + 1]-} == '=' ]]; then
        ((index + 2 < COMP_CWORD)) || { flag=$word; break; }
        ((index += 2))
      elif [[ $known == *" $word= "* ]]; then
        ((index + 1 < COMP_CWORD)) || { flag=$word; break; }
        ((index += 1))
      fi
    elif [[ ${_rkt_operands[$key]+set} ]]; then
      place+=1
      pod=${pod:-$word}
    elif _rkt_next "$command" | grep -x -e "$word" >/dev/null; then
      command+=${command:+ }$word
      key=$command
    fi
  done
  [[ $current != '=' ]] || current=''
  if [[ $flag ]]; then
    known=${_rkt_values["$key $flag"]-${_rkt_values["* $flag"]-}}
    if [[ $known == @file ]]; then
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
    else
      mapfile -t COMPREPLY < <(compgen -W "$(_rkt_candidates "$known" "$pod")" -- "$current")
    fi
    return
  fi
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "${_rkt_flags[$key]-} ${_rkt_flags['*']}" -- "$current")
    [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null
    return
  fi
  if [[ ! ${_rkt_operands[$key]+set} ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_rkt_next "$command")" -- "$current")
    return
  fi
  read -ra operands <<<"${_rkt_operands[$key]}"
  word=${operands[place]-}
  if [[ ${operands[-1]-} == '...' && (! $word || $word == '...') ]]; then word=${operands[-2]}; fi
  case $word in
    '') ;;
    file) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$(_rkt_candidates "$word" '')" -- "$current") ;;
  esac
}

complete -F _rkt rkt
)shell";

constexpr char kZsh[] = R"shell(
_rkt_next() {
  local path
  for path in ${(k)_rkt_flags}; do
    [[ $path == '*' ]] && continue
    if [[ -z $1 ]]; then print -- ${path%% *}; elif [[ $path == "$1 "* ]]; then print -- ${${path#"$1 "}%% *}; fi
  done | sort -u
}

_rkt_candidates() { # KIND POD
  case $1 in
    '') ;;
    @file|file) _files ;;
    @app) [[ -n $2 ]] && compadd -- $(rkt app list $2 --no-legend 2>/dev/null | awk '{ print $1 }') ;;
    pod) compadd -- $(PODS | awk '$1 ~ /^[0-9a-f-]+$/ { print $1 }') ;;
    image) compadd -- $(IMAGES | awk '{ print $2; print $1 }') ;;
    *) compadd -- ${=1} ;;
  esac
}

_rkt() {
  local command='' pod='' word flag known
  local -i place=0 index
  for ((index = 2; index < CURRENT; index++)); do
    word=$words[index]
    [[ $word == -- ]] && return
    if [[ $word == -* ]]; then
      known=" ${_rkt_flags[$command]} ${_rkt_flags[*]} "
      [[ $word != *=* && $known == *" $word= "* ]] && ((index += 1))
      continue
    fi
    if (( ! ${+_rkt_operands[$command]} )) && _rkt_next "$command" | grep -qx -- "$word"; then
      command+=${command:+ }$word
    elif (( ${+_rkt_operands[$command]} )); then
      ((place += 1))
      [[ -z $pod ]] && pod=$word
    fi
  done
  word=$words[CURRENT]
  if [[ $word == --*=* ]]; then
    flag=${word%%=*}
  elif [[ $words[CURRENT-1] == --* && " ${_rkt_flags[$command]} ${_rkt_flags[*]} " == *" $words[CURRENT-1]= "* ]]; then
    flag=$words[CURRENT-1]
  fi
  if [[ -n $flag ]]; then
    compset -P '*='
    _rkt_candidates "${_rkt_values[$command $flag]:-${_rkt_values[* $flag]}}" "$pod"
  elif [[ $word == -* ]]; then
    compadd -S '' -- ${(M)${=_rkt_flags[$command]}:#*=} ${(M)${=_rkt_flags[*]}:#*=}
    compadd -- ${${=_rkt_flags[$command]}:#*=} ${${=_rkt_flags[*]}:#*=}
  elif (( ! ${+_rkt_operands[$command]} )); then
    compadd -- $(_rkt_next "$command")
  else
    local -a operands=(${=_rkt_operands[$command]})
    local kind=$operands[place+1]
    [[ $operands[-1] == ... && ( -z $kind || $kind == ... ) ]] && kind=$operands[-2]
    _rkt_candidates "$kind" ''
  fi
}

_rkt "$@"
)shell";

constexpr char kFish[] = R"shell(
# The command on the line: the longest of the known ones that its words make.
function __rkt_command
    set -l found
    for word in (commandline -opc)[2..-1]
        string match -q -- '-*' $word; and continue
        set -l next (string join ' ' $found $word)
        contains -- $next $__rkt_paths; and set found $next
    end
    echo $found
end

function __rkt_at
    test (__rkt_command) = "$argv[1]"
end

# The first word behind the command that is no flag.
function __rkt_pod
    set -l command (__rkt_command | string split ' ')
    set -l words (commandline -opc)[2..-1]
    string match -v -- '-*' $words | tail -n +(math (count $command) + 1) | head -n1
end

function __rkt_pods
    PODS | string match -r '^[0-9a-f-]+(?= )'
end

function __rkt_images
    IMAGES | awk '{ print $2; print $1 }'
end

function __rkt_apps
    set -l pod (__rkt_pod)
    test -n "$pod"; and rkt app list $pod --no-legend 2>/dev/null | awk '{ print $1 }'
end

complete -c rkt -f
)shell";

std::string WithLists(const char* script) {
  return absl::StrReplaceAll(script, {{"PODS", kPods}, {"IMAGES", kImages}});
}

std::string FishQuote(const std::string& text) {
  return StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

std::string FishFlag(const std::string& condition, const TableFlag& flag) {
  std::string line = StrCat("complete -c rkt", condition, " -l ", flag.name, " -d ", FishQuote(flag.help));
  const std::string kind = ValueKind(flag);
  if (kind == "@file") {
    line += " -r -F";
  } else if (kind == "@app") {
    line += " -x -a '(__rkt_apps)'";
  } else if (!kind.empty()) {
    line += StrCat(" -x -a ", FishQuote(kind));
  } else if (flag.takes_value) {
    line += " -x";
  }
  return line + "\n";
}

}  // namespace

std::string BashCompletion(const Registry& registry) {
  return StrCat("# shellcheck shell=bash\n", kMadeFrom, Tables(registry, false), WithLists(kBash));
}

std::string ZshCompletion(const Registry& registry) {
  return StrCat("#compdef rkt\n", kMadeFrom, Tables(registry, true), WithLists(kZsh));
}

std::string FishCompletion(const Registry& registry) {
  std::string lines;
  std::set<std::string> paths;
  std::set<std::pair<std::string, std::string>> groups;
  for (const TableCommand& command : TableOf(registry)) {
    // "app network up" completes "network" after "app", and "up" after "app network".
    for (size_t end = command.path.find(' ');; end = command.path.find(' ', end + 1)) {
      const std::string path = command.path.substr(0, end);
      const size_t last = path.rfind(' ');
      const std::string parent = last == std::string::npos ? "" : path.substr(0, last);
      const std::string word = last == std::string::npos ? path : path.substr(last + 1);
      paths.insert(path);
      if (groups.insert({parent, word}).second) {
        const std::string help = end == std::string::npos ? StrCat(" -d ", FishQuote(command.summary)) : "";
        lines += StrCat("complete -c rkt -n '__rkt_at \"", parent, "\"' -a ", word, help, "\n");
      }
      if (end == std::string::npos) {
        break;
      }
    }
    const std::string condition = StrCat(" -n '__rkt_at \"", command.path, "\"'");
    for (const TableFlag& flag : command.flags) {
      lines += FishFlag(condition, flag);
    }
    const std::set<Operand> kinds(command.operands.begin(), command.operands.end());
    for (const Operand kind : kinds) {
      lines += StrCat("complete -c rkt", condition,
                      kind == Operand::kPod     ? " -a '(__rkt_pods)'"
                      : kind == Operand::kImage ? " -a '(__rkt_images)'"
                                                : " -F",
                      "\n");
    }
  }
  for (const TableFlag& flag : GlobalTableFlags()) {
    lines += FishFlag("", flag);
  }
  std::vector<std::string> quoted;
  for (const std::string& path : paths) {
    quoted.push_back(FishQuote(path));
  }
  return StrCat(kMadeFrom, "set -g __rkt_paths ", absl::StrJoin(quoted, " "), "\n", WithLists(kFish), lines);
}

}  // namespace rkt::cli
