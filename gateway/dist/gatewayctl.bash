# Completion of gatewayctl in bash: the verbs that `gatewayctl help` lists, and the words of each.

_gatewayctl_verbs() { # a verb a line, as it is typed
	COLUMNS=1000 gatewayctl help 2>/dev/null | awk -F '  +' 'NR > 2 { n = split($1, word, " "); verb = ""
		for (i = 1; i <= n && word[i] ~ /^[a-z][a-z-]*$/; i++) verb = verb (i > 1 ? " " : "") word[i]
		if (verb != "") print verb }'
}

_gatewayctl() {
	local current=${COMP_WORDS[COMP_CWORD]} said="${COMP_WORDS[*]:1:COMP_CWORD-1}" next
	if [[ $current == -* ]]; then
		next=$(gatewayctl help ${said%% -*} 2>/dev/null | awk '/^    --/ { print $1 }')
		next="$next --json"
	else
		next=$(_gatewayctl_verbs | awk -v said="${said:+$said }" 'index($0 " ", said) == 1 { split(substr($0, length(said) + 1), word, " "); print word[1] }')
	fi
	mapfile -t COMPREPLY < <(compgen -W "$next" -- "$current" | sort -u)
}

complete -F _gatewayctl gatewayctl
