//! What the environment says of who started this process.

use std::env;

/// What mpirun, mpiexec, jsrun, flux and srun leave in the environment of the processes that they start, the most telling
/// first: how many there are, which one this is, and how one is started with the same. (PALS, the mpiexec of HPE Cray, sets
/// those of PMI.) Slurm sets the last in a batch script too, which is one process.
const VARIABLES: [(&str, &str, &str); 8] = [
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", MPIRUN),
    ("PMI_SIZE", "PMI_RANK", MPIRUN),
    ("MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK", MPIRUN),
    ("MVP_COMM_WORLD_SIZE", "MVP_COMM_WORLD_RANK", MPIRUN),
    ("JSM_NAMESPACE_SIZE", "JSM_NAMESPACE_RANK", "jsrun -n 1 difflab …"),
    ("FLUX_JOB_SIZE", "FLUX_TASK_RANK", "flux run -n 1 difflab …"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID", SRUN),
    (OF_A_JOB, "SLURM_PROCID", SRUN),
];
const MPIRUN: &str = "difflab … without mpirun, or mpirun -n 1 difflab …";
const SRUN: &str = "srun --ntasks=1 difflab …, or #SBATCH --ntasks=1 with --cpus-per-task";
const OF_A_JOB: &str = "SLURM_NTASKS";

/// A launcher has started this process as one of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launched {
    /// How many, 2 or more.
    pub tasks: usize,
    /// The variable that says so.
    pub by: &'static str,
}

impl Launched {
    /// Does nothing but Slurm's job say so? Its batch script is one process, and what that starts without srun is one too.
    pub fn is_of_a_job(&self) -> bool {
        self.by == OF_A_JOB
    }

    /// How one process is started by the same launcher.
    pub fn alone(&self) -> &'static str {
        VARIABLES.iter().find(|(count, ..)| *count == self.by).map_or(MPIRUN, |(.., alone)| alone)
    }
}

/// As which of several processes a launcher has started this one: 0 is the first, and speaks for all.
pub fn launched_as() -> Option<usize> {
    rank(|name| env::var(name).ok())
}

fn rank(find: impl Fn(&str) -> Option<String>) -> Option<usize> {
    let launched = of(&find)?;
    let (_, rank, _) = VARIABLES.into_iter().find(|(count, ..)| *count == launched.by)?;
    find(rank)?.trim().parse().ok()
}

/// What the environment says; `None` where this process is the only one, or no launcher has started it.
pub fn launched() -> Option<Launched> {
    of(|name| env::var(name).ok())
}

fn of(find: impl Fn(&str) -> Option<String>) -> Option<Launched> {
    let number = |name: &'static str| Some(Launched { tasks: find(name)?.trim().parse().ok()?, by: name });
    VARIABLES.into_iter().find_map(|(count, ..)| number(count)).filter(|launched| launched.tasks > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_launcher_nearest_to_the_process_counts() {
        let of = |set: &[(&str, &str)]| {
            let find = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
            of(find).map(|launched| (launched.tasks, launched.by))
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("SLURM_NTASKS", "1")]), None);
        assert_eq!(of(&[("SLURM_NTASKS", "8")]), Some((8, "SLURM_NTASKS")));
        assert_eq!(of(&[("SLURM_NTASKS", "8"), ("PMI_SIZE", "2")]), Some((2, "PMI_SIZE")));
        // mpirun -n 1 in a job of 8 tasks: one process.
        assert_eq!(of(&[("SLURM_NTASKS", "8"), ("OMPI_COMM_WORLD_SIZE", "1")]), None);
        assert_eq!(of(&[("SLURM_NTASKS", "8"), ("SLURM_STEP_NUM_TASKS", "1")]), None);
        assert_eq!(of(&[("SLURM_NTASKS", "many")]), None);
    }

    #[test]
    fn the_first_is_the_one_that_its_launcher_calls_so() {
        let another = |set: &[(&str, &str)]| {
            let find = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
            rank(find).is_some_and(|rank| rank > 0)
        };
        assert!(!another(&[]) && !another(&[("PMI_RANK", "1")]));
        assert!(another(&[("PMI_SIZE", "2"), ("PMI_RANK", "1")]));
        assert!(!another(&[("PMI_SIZE", "2"), ("PMI_RANK", "0"), ("SLURM_PROCID", "1"), ("SLURM_NTASKS", "2")]));
        assert!(another(&[("SLURM_STEP_NUM_TASKS", "2"), ("SLURM_PROCID", "1")]));
        assert!(another(&[("FLUX_JOB_SIZE", "4"), ("FLUX_TASK_RANK", "3")]));
        assert!(another(&[("JSM_NAMESPACE_SIZE", "4"), ("JSM_NAMESPACE_RANK", "3"), ("SLURM_NTASKS", "1")]));
        let batch = of(|name| (name == "SLURM_NTASKS").then(|| "8".to_string())).unwrap();
        assert!(batch.is_of_a_job());
        let flux = of(|name| (name == "FLUX_JOB_SIZE").then(|| "4".to_string())).unwrap();
        assert!(flux.alone().contains("flux run -n 1") && batch.alone().contains("srun --ntasks=1"));
    }
}
