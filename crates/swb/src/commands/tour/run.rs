//! Several scenes at once, told in their order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Instant;

use switchboard::Control;

use crate::failure::{Failure, Status};

use super::scene::{Missed, Performance, Scene};
use super::stage::Stage;

/// Plays the scenes and tells each once those before it are told. When telling fails, the curtain falls.
pub(super) fn play(
    scenes: &[&'static Scene],
    at_once: usize,
    curtain: &Control,
    mut tell: impl FnMut(&Performance) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let next = AtomicUsize::new(0);
    let (sender, played) = channel();
    thread::scope(|scope| {
        for _ in 0..at_once.min(scenes.len()) {
            let (sender, next) = (sender.clone(), &next);
            let player = move || play_one_after_another(scenes, next, curtain, &sender);
            thread::Builder::new().spawn_scoped(scope, player).map_err(|error| {
                curtain.end();
                Failure::new(Status::Other, format!("clone(2): {}", sys::describe(&error)))
            })?;
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut told = 0;
        for (number, performance) in played {
            early.insert(number, performance);
            while let Some(performance) = early.remove(&told) {
                told += 1;
                tell(&performance).inspect_err(|_| curtain.end())?;
            }
        }
        Ok(())
    })
}

/// One player: takes the next scene while there is one. An interrupted scene is not told.
fn play_one_after_another(
    scenes: &[&'static Scene],
    next: &AtomicUsize,
    curtain: &Control,
    told: &Sender<(usize, Performance)>,
) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(scene) = scenes.get(number) else { return };
        let began = Instant::now();
        let mut stage = Stage::new(curtain.ending_fd(), began + super::SCENE_TIME);
        let played = (scene.play)(&mut stage);
        if matches!(played, Err(Missed::Interrupted)) {
            return;
        }
        let performance = Performance { scene, did: stage.into_did(), played, lasted: began.elapsed() };
        if told.send((number, performance)).is_err() {
            return;
        }
    }
}
