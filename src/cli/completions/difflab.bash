# Completion of difflab for bash 3.2 and newer.
_difflab() {
    local IFS=$'\n' line=${COMP_LINE:0:COMP_POINT} words=() at=0 word whole breaks candidate home quote=
    # bash parts words at = and : too; what stands together is one word again.
    for ((at = 0; at <= COMP_CWORD; at++)); do
        word=${COMP_WORDS[at]}
        if [[ $at -eq 0 || $line == [[:space:]]* ]]; then
            line=${line#"${line%%[![:space:]]*}"}
            words+=("")
        fi
        # The last one only up to the cursor.
        [[ $at -eq $COMP_CWORD ]] && word=$line
        words[${#words[@]}-1]+=$word
        line=${line#"$word"}
    done
    # difflab is asked without quotes; that of the last word stays, and in it bash parts nothing.
    for ((at = 0; at < ${#words[@]}; at++)); do
        word=${words[at]}
        case $word in
            \"* | \'*) quote=${word:0:1} words[at]=${word//${word:0:1}/} ;;
            *) quote= words[at]=${word//\\/} ;;
        esac
    done
    whole=${words[${#words[@]}-1]}
    breaks=
    [[ -z $quote && $COMP_WORDBREAKS == *=* ]] && breaks+='='
    [[ -z $quote && $COMP_WORDBREAKS == *:* ]] && breaks+=':'
    # What bash takes for done, in front of the piece that it completes.
    word=
    [[ -n $breaks ]] && word=${whole%"${whole##*[$breaks]}"}
    COMPREPLY=()
    while read -r candidate; do
        candidate=${candidate%%$'\t'*}
        candidate=${candidate#"$word"}
        # What the shell would read as more than letters; a ~/ in front stays.
        if [[ $quote == \" ]]; then
            candidate=${candidate//\\/\\\\} candidate=${candidate//\"/\\\"} candidate=${candidate//\$/\\\$}
            candidate=${candidate//\`/\\\`}
        elif [[ -n $quote ]]; then
            candidate=${candidate//\'/\'\\\'\'}
        elif [[ $candidate == *[[:space:]\;\$\'\"\\\*\?\[\]\(\)\{\}\!\#\&\|\<\>\`]* ]]; then
            home=
            [[ $candidate == \~/* ]] && home=\~/
            printf -v candidate %q "${candidate#"$home"}"
            candidate=$home$candidate
        fi
        COMPREPLY+=("$candidate")
    done < <(ASKED=bash difflab -- "${words[@]}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o bashdefault -o default -o nosort -F _difflab difflab 2>/dev/null || complete -o bashdefault -o default -F _difflab difflab
