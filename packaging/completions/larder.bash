# bash completion for larder(1)

_larder_names() {
	# Repos and files that are held; repos to fetch are not ours to guess.
	larder ls --quiet --json 2>/dev/null | tr '{' '\n' |
		sed -n 's/.*"repo":"\([^"]*\)".*"path":"\([^"]*\)".*/\1\n\1:\2/p' | sort -u
}

# Not by compgen -W, which expands its words: the names are other people's, and $(...) in one would be run.
_larder_complete_names() { # CUR
	local name

	while IFS= read -r name; do
		[[ $name == "$1"* ]] && COMPREPLY+=("$(printf %q "$name")")
	done < <(_larder_names)
	declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$1"
}

_larder() {
	local cur prev words cword
	local commands="get who peers ls resolve status run env verify add adopt rm pin unpin gc group doctor help"
	local flags="--config --home --hub --max-size --min-free --log-level --verbose --quiet --json --help --version"
	local command="" word

	if declare -F _init_completion >/dev/null; then
		_init_completion -n =: || return
	else
		cur=${COMP_WORDS[COMP_CWORD]}
		prev=${COMP_WORDS[COMP_CWORD - 1]}
		words=("${COMP_WORDS[@]}")
		cword=$COMP_CWORD
	fi
	for word in "${words[@]:1:cword-1}"; do
		case " $commands " in *" $word "*) command=$word; break ;; esac
	done
	case $prev in
	--config | --home | --to) compopt -o filenames 2>/dev/null ;;&
	--config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--home) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--to) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--shell) mapfile -t COMPREPLY < <(compgen -W "sh fish csh" -- "$cur"); return ;;
	--log-level) mapfile -t COMPREPLY < <(compgen -W "error warn info debug" -- "$cur"); return ;;
	--hub | --max-size | --min-free | --partials-older-than) return ;;
	esac
	case $command in
	get) flags+=" --to --force --hf-cache --dry-run" ;;
	ls) flags+=" --peers" ;;
	add) flags+=" --share" ;;
	adopt) flags+=" --copy --dry-run" ;;
	env) flags+=" --shell" ;;
	gc) flags+=" --dry-run --partials-older-than" ;;
	rm) flags+=" --pinned" ;;
	esac
	if [[ $cur == -* && $command != run ]] || [[ $cur == -* && $prev == run ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
		return
	fi
	case $command in
	"" | help) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
	run)
		compopt -o filenames 2>/dev/null
		if [[ $prev == run || $prev == -- ]]; then
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
		;;
	add)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	adopt)
		if [[ $prev == adopt ]]; then
			COMPREPLY=(hf)
		else
			mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		fi
		;;
	group)
		[[ $prev == group ]] && mapfile -t COMPREPLY < <(compgen -W "create join show leave rotate" -- "$cur")
		;;
	doctor) mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur") ;;
	get | who | resolve | ls | verify | rm | pin | unpin)
		_larder_complete_names "$cur"
		;;
	esac
}

complete -F _larder larder
