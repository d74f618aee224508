//! Counts what is allocated: for each thread the most that was held at once, and for the process the same.

#![allow(unsafe_code, dead_code, unreachable_pub, reason = "an allocator; each test file uses its own part")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
};

thread_local! {
    /// Bytes held by what this thread allocated, and the most since the last reset.
    static HERE: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}
static ALL: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counted.
pub struct Counted;

fn add(bytes: usize) {
    let now = ALL.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(now, Ordering::Relaxed);
    // A thread that is ending counts no more.
    let _ = HERE.try_with(|here| {
        let (held, most) = here.get();
        let held = held + bytes.cast_signed();
        here.set((held, most.max(held)));
    });
}

fn sub(bytes: usize) {
    ALL.fetch_sub(bytes, Ordering::Relaxed);
    let _ = HERE.try_with(|here| {
        let (held, most) = here.get();
        here.set((held - bytes.cast_signed(), most));
    });
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        sub(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Runs `work`, and gives what it returns and the most bytes that this thread held meanwhile beyond those before.
pub fn held_here<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HERE.with(|here| {
        let (held, _) = here.get();
        here.set((held, held));
        held
    });
    let result = work();
    let most = HERE.with(|here| here.get().1);
    (result, usize::try_from(most - before).unwrap_or_default())
}

/// The same for the whole process.
pub fn held_by_all<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = ALL.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let result = work();
    (result, MOST.load(Ordering::Relaxed).saturating_sub(before))
}

/// Bytes that the process holds now.
pub fn held_now() -> usize {
    ALL.load(Ordering::Relaxed)
}
