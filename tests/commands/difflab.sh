#!/usr/bin/env bash
# Stands for `difflab` while the documents' commands are run (tests/commands): the same command on the real program
# ($DIFFLAB_REAL), made quick by rule. A flag that costs time gets a small value, whether it was given or not; all else
# stays as it is written.
args=("$@")

has() { # has FLAG: was it given?
    local arg
    for arg in "${args[@]}"; do [[ $arg == "$1" || $arg == "$1="* ]] && return; done
    return 1
}
put() { # put FLAG VALUE: in the place of its value, or behind all else
    local i
    for i in "${!args[@]}"; do
        case ${args[i]} in
        "$1") args[i + 1]=$2 && return ;;
        "$1="*) args[i]="$1=$2" && return ;;
        esac
    done
    args+=("$1" "$2")
}
put_given() { ! has "$1" || put "$1" "$2"; } # only where it was given
key() { # key KEY VALUE: a config key, in the place of its value, or behind all else
    local i
    for i in "${!args[@]}"; do
        case ${args[i]} in
        "$1="*) args[i]="$1=$2" && return ;;
        esac
    done
    args+=(--set "$1=$2")
}
given() { # given KEY: is a config key set?
    [[ " ${args[*]} " == *" $1="* ]]
}
small() { # a training of a few steps of a small network
    key model.block_out_channels '[8,16]'
    key model.norm_num_groups 4
    key model.mid_attention false
    key model.hidden_width 16
    key preview.enabled false
    ! given train.precision || key train.precision f32 # not every processor has bf16
    key train.eval_every 8
    key train.warmup_steps 0
    given train.history || key train.history on # so short a run keeps none by itself
    given sample.steps || key sample.steps 5
    given sample.num || key sample.num 10
}

small_autoencoder() { # the same of an autoencoder
    key autoencoder.block_out_channels '[8,8]'
    key autoencoder.norm_num_groups 4
    key autoencoder.batch_size 8
    key preview.enabled false
    key train.eval_every 8
    key train.warmup_steps 0
}

# The fifteenth step is the last of every training, so a checkpoint of step 15 there is.
steps=15
put_given --checkpoint $steps
put_given --step 10 # which the history has
put_given --precision f32 # not every processor has bf16
case ${1-} in
help | -h | --help* | -V | --version) ;;
schedule | data | runs | compare | explain | course | card | export | export-logs | report | import | doctor | man | completions) ;;
sample)
    put_given --steps 5
    ! has --jumps || put --jump-length 3 # jumps shorter than so few steps
    ;;
eval)
    put --num 12
    put --vlb-images 4
    put --nll-images 1
    put --steps 4
    ;;
bench)
    has --print-unet-config || put --repeats 1
    put --warm-up 0
    put --batch-size 4
    put --sample-batch-size 2
    key model.block_out_channels '[8,16]'
    key model.attention_levels '[]'
    ;;
study)
    case ${2-} in
    combinations)
        put --train-steps 2
        put --steps 3
        put --num 8
        ;;
    steps)
        put --steps 3,4
        put --num 4
        put --seeds 2
        ;;
    guidance)
        put --scales 0,1
        put --steps 3
        put --num 4
        put --seeds 2
        ;;
    epochs)
        put --steps 3
        put --num 4
        put --seeds 2
        put_given --epochs 0.5,1
        ! has --train || small
        ;;
    esac
    ;;
autoencoder)
    small_autoencoder
    has --no-tui || has --log || has --help-config || args+=(--no-tui)
    if has --steps; then put --steps $steps; else key train.steps $steps; fi
    ;;
speedrun)
    small
    put --seeds 1
    put --limit 20
    put --num 20
    put_given --target 1
    key train.steps $steps
    key train.checkpoint_every 5
    ;;
fork)
    put --steps $((steps + 1)) # one step more than its parent
    put_given --at $steps
    has --no-tui || args+=(--no-tui)
    ;;
race | sweep)
    if [[ $1 == sweep ]]; then small
    elif [[ ! -d $2 && ! -d runs/$2 ]]; then
        # A key is one side's alone: every side is made small.
        sides=()
        for arg in "${args[@]}" --vs; do
            [[ $arg != --vs ]] || sides+=(--set "model.block_out_channels=[8,16]" --set model.norm_num_groups=4
                --set model.mid_attention=false)
            sides+=("$arg")
        done
        args=("${sides[@]:0:${#sides[@]}-1}")
    fi
    if has --at; then put --at $steps && put --steps $((steps + 1)); else put --steps $steps; fi
    put_given --seeds 2
    ! has --eval || put --num 12
    ;;
*)
    has --no-tui || has --log || has --help-config || args+=(--no-tui)
    if has --resume; then
        # One step more, or the first few of a run that was imported.
        if has --epochs; then put --epochs 1
        elif has --steps; then put --steps $((steps + 1))
        else key train.steps $((steps + 1)); fi
    else
        small
        if [[ ${1-} == *-latent ]]; then # and its first stage
            small_autoencoder
            key autoencoder.steps $steps
        fi
        # The command's own way to say how long, and no second one.
        if has --epochs; then put --epochs 0.5
        elif has --steps; then put --steps $steps
        elif given train.epochs; then key train.epochs 0.5
        else key train.steps $steps; fi
    fi
    ;;
esac
exec "$DIFFLAB_REAL" "${args[@]}"
