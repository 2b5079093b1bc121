//! The engines: one loop, placed in six ways. Each file is one engine.

mod epoll;
mod iterative;
mod poll;
mod process;
mod thread;
mod uring;
mod workers;

use conversation::CallFailed;

use crate::doors::{Door, Doors};
use crate::host::{Host, Plan};
use crate::{Engine, Report, ServeError};

impl Engine {
    /// Answers callers at `doors` until the plan's [`Control`](crate::Control) ends it, or the last call of
    /// the limit is over.
    ///
    /// The doors must have been opened for this engine. `process` needs a process with one thread.
    ///
    /// # Errors
    ///
    /// What made it impossible to go on; a failure of one call never does.
    pub fn serve(self, doors: Doors, mut plan: Plan) -> Result<Report, ServeError> {
        let workers = doors.into_workers();
        if self == Engine::Iterative {
            plan.limits.calls_max = 1;
        }
        let host = Host::new(plan);
        let result = match self {
            Engine::Iterative => iterative::serve(&host, only(workers)),
            Engine::Process => process::serve(&host, only(workers)),
            Engine::Thread => thread::serve(&host, only(workers)),
            Engine::Poll => poll::serve(&host, only(workers)),
            Engine::Epoll => epoll::serve(&host, workers),
            Engine::Uring => uring::serve(&host, workers),
        };
        host.rooms.say_last(&*host.plan.observer);
        result.map_err(|error| ServeError::Engine(CallFailed::new(self.waits_by(), &error)))?;
        host.say_tallies(None);
        host.report()
    }

    fn waits_by(self) -> &'static str {
        match self {
            Engine::Iterative | Engine::Thread | Engine::Poll => "poll(2)",
            Engine::Process | Engine::Epoll => "epoll_wait(2)",
            Engine::Uring => "io_uring_enter(2)",
        }
    }
}

/// The doors of an engine with one worker.
fn only(workers: Vec<Vec<Door>>) -> Vec<Door> {
    workers.into_iter().flatten().collect()
}
