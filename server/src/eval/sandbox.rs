//! The inside of the sandbox: a process takes everything from itself that evaluated code does not need, then becomes
//! the interpreter.
//!
//! Runs in a process of its own (`quicksilver sandbox`), for what is given up cannot be taken back. It must not know
//! what is run or why. Linux only: elsewhere there is nothing like it that needs no privilege, and it refuses.

use std::{ffi::OsString, path::PathBuf, time::Duration};

/// Bytes of address space.
pub const MAX_MEMORY_BYTES: u64 = 1 << 30;
/// Bytes of any file it writes.
pub const MAX_FILE_BYTES: u64 = 1 << 20;
/// Files open at once.
pub const MAX_OPEN_FILES: u64 = 32;
/// The exit code of a process that could not shut itself in; Python's own codes are others.
pub const NOT_SHUT_IN: u8 = 125;

/// What is enforced, for reports.
pub const ENFORCED: &str = "no sockets, no new processes, no signals to others (seccomp); reads only the interpreter and the system's libraries, \
                            writes only an empty temporary folder (Landlock); 1 GiB of address space, 1 MiB a file, 32 open files, processor time \
                            and wall time limited (rlimits, kill); environment cleared";

/// What a process may still do.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Seconds of processor time.
    pub cpu: Duration,
    /// Folders it may read and run programs from.
    pub read: Vec<PathBuf>,
    /// The one folder it may also write in.
    pub write: PathBuf,
    /// The program and its arguments.
    pub command: Vec<OsString>,
}

/// Shuts this process in and becomes the cell's program; returns only to say why it did not.
#[must_use]
pub fn enter(cell: &Cell) -> String {
    #[cfg(target_os = "linux")]
    return linux::enter(cell);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = cell;
        "running evaluated code needs Linux: run it in a container".to_owned()
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{collections::BTreeMap, os::unix::process::CommandExt, process::Command};

    use landlock::{
        ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
        path_beneath_rules,
    };
    use rustix::process::{Resource, Rlimit, setrlimit};
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, apply_filter,
    };

    use super::{Cell, MAX_FILE_BYTES, MAX_MEMORY_BYTES, MAX_OPEN_FILES};

    pub(super) fn enter(cell: &Cell) -> String {
        let [program, arguments @ ..] = &cell.command[..] else { return "no program is given".to_owned() };
        let shut = limits(cell).and_then(|()| files(cell)).and_then(|()| calls());
        match shut {
            Ok(()) => Command::new(program).args(arguments).exec().to_string(),
            Err(why) => why,
        }
    }

    fn limits(cell: &Cell) -> Result<(), String> {
        let limits = [
            (Resource::As, MAX_MEMORY_BYTES),
            (Resource::Fsize, MAX_FILE_BYTES),
            (Resource::Nofile, MAX_OPEN_FILES),
            (Resource::Core, 0),
            (Resource::Memlock, 0),
            (Resource::Cpu, cell.cpu.as_secs().max(1)),
        ];
        for (resource, most) in limits {
            let limit = Rlimit { current: Some(most), maximum: Some(most) };
            setrlimit(resource, limit).map_err(|error| format!("cannot limit {resource:?}: {error}"))?;
        }
        Ok(())
    }

    fn files(cell: &Cell) -> Result<(), String> {
        let abi = ABI::V6;
        let known = |path: &&std::path::PathBuf| path.exists();
        let enforced = Ruleset::default()
            .handle_access(AccessFs::from_all(abi))
            .and_then(|rules| rules.scope(Scope::from_all(abi)))
            .and_then(Ruleset::create)
            .and_then(|rules| {
                let read = cell.read.iter().filter(known);
                rules.add_rules(path_beneath_rules(read, AccessFs::from_read(abi)))
            })
            .and_then(|rules| rules.add_rules(path_beneath_rules([&cell.write], AccessFs::from_all(abi))))
            .and_then(|rules| rules.restrict_self());
        match enforced {
            Ok(status) if status.ruleset != RulesetStatus::NotEnforced => Ok(()),
            Ok(_) => Err("this kernel does not keep files apart (Landlock, Linux 5.13 or newer): run it in a container".to_owned()),
            Err(error) => Err(format!("cannot keep files apart: {error}")),
        }
    }

    /// Refuses the calls that reach beyond this process.
    fn calls() -> Result<(), String> {
        let number = |errno: libc::c_int| SeccompAction::Errno(errno.unsigned_abs());
        // A clone whose flags cannot be looked at, for they are in memory: libraries fall back on the one below.
        let unseen = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        let mut refused: BTreeMap<i64, Vec<SeccompRule>> =
            REFUSED.iter().chain(REFUSED_HERE).map(|call| (*call, Vec::new())).collect();
        let thread = libc::CLONE_THREAD.unsigned_abs().into();
        refused.insert(libc::SYS_clone, rule(0, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(thread), 0)?);
        // Limits may be read; set they would be by a superuser alone.
        refused.insert(libc::SYS_prlimit64, rule(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?);
        apply(unseen, number(libc::ENOSYS))?;
        apply(refused, number(libc::EPERM))
    }

    fn rule(
        argument: u8,
        length: SeccompCmpArgLen,
        is: SeccompCmpOp,
        value: u64,
    ) -> Result<Vec<SeccompRule>, String> {
        SeccompCondition::new(argument, length, is, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
            .map(|rule| vec![rule])
            .map_err(|error| format!("cannot refuse system calls: {error}"))
    }

    fn apply(rules: BTreeMap<i64, Vec<SeccompRule>>, answer: SeccompAction) -> Result<(), String> {
        let here = std::env::consts::ARCH.try_into();
        let words = |error: &dyn std::fmt::Display| format!("cannot refuse system calls: {error}");
        let here = here.map_err(|error: seccompiler::BackendError| words(&error))?;
        let program: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, answer, here)
            .and_then(TryInto::try_into)
            .map_err(|error| words(&error))?;
        apply_filter(&program).map_err(|error| words(&error))
    }

    /// Network, other processes, the system's state, and what Landlock does not watch: owners and modes of files.
    const REFUSED: &[i64] = &[
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_io_uring_setup,
        libc::SYS_kill,
        libc::SYS_tkill,
        libc::SYS_tgkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_rt_tgsigqueueinfo,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_send_signal,
        libc::SYS_pidfd_getfd,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_chroot,
        libc::SYS_pivot_root,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_open_by_handle_at,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_keyctl,
        libc::SYS_memfd_create,
        libc::SYS_shmget,
        libc::SYS_msgget,
        libc::SYS_semget,
        libc::SYS_mq_open,
        libc::SYS_setrlimit,
        libc::SYS_setpriority,
        libc::SYS_sched_setscheduler,
        libc::SYS_sched_setattr,
        libc::SYS_truncate,
        libc::SYS_fchmod,
        libc::SYS_fchmodat,
        libc::SYS_fchown,
        libc::SYS_fchownat,
        libc::SYS_utimensat,
        libc::SYS_setxattr,
        libc::SYS_lsetxattr,
        libc::SYS_fsetxattr,
        libc::SYS_removexattr,
        libc::SYS_lremovexattr,
        libc::SYS_fremovexattr,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        libc::SYS_reboot,
        libc::SYS_swapon,
        libc::SYS_swapoff,
        libc::SYS_sethostname,
        libc::SYS_setdomainname,
        libc::SYS_settimeofday,
        libc::SYS_clock_settime,
        libc::SYS_clock_adjtime,
        libc::SYS_adjtimex,
        libc::SYS_syslog,
        libc::SYS_quotactl,
        libc::SYS_acct,
    ];

    /// Older names that newer architectures do not have.
    #[cfg(target_arch = "x86_64")]
    const REFUSED_HERE: &[i64] = &[
        libc::SYS_fork,
        libc::SYS_vfork,
        libc::SYS_chmod,
        libc::SYS_chown,
        libc::SYS_lchown,
        libc::SYS_utime,
        libc::SYS_utimes,
        libc::SYS_futimesat,
        libc::SYS_ioperm,
        libc::SYS_iopl,
        libc::SYS_modify_ldt,
        libc::SYS_kexec_file_load,
    ];
    #[cfg(not(target_arch = "x86_64"))]
    const REFUSED_HERE: &[i64] = &[];
}
