//! Words that are shared: by threads here, by children in crates/swb/tests/targets.rs.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::atomic::Ordering;

use sys::SharedWords;

#[test]
fn threads_share_them_and_all_are_0_at_first() {
    let words = SharedWords::new(1000).unwrap();
    assert_eq!(words.len(), 1000);
    assert!(words.iter().all(|word| word.load(Ordering::Relaxed) == 0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    words[999].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(words[999].load(Ordering::Relaxed), 4000);
    assert_eq!(SharedWords::new(0).unwrap().len(), 1);
    assert!(SharedWords::new(usize::MAX).is_err());
}
