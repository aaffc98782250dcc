//! Who of this process has nothing to do. Messages are taken from the queue for them only: one that a busy process took would
//! be missing where somebody waits for it.

use tokio::sync::{Semaphore, watch};

/// The workers that rest, and how many of them were called.
#[derive(Debug)]
pub struct Idle {
    resting: watch::Sender<usize>,
    calls: Semaphore,
}

impl Default for Idle {
    fn default() -> Self {
        Self {
            resting: watch::Sender::new(0),
            calls: Semaphore::new(0),
        }
    }
}

/// A worker rests for as long as this lives.
#[derive(Debug)]
pub struct Rest<'a>(&'a Idle);

impl Idle {
    /// A worker has nothing to do.
    pub fn rest(&self) -> Rest<'_> {
        self.resting.send_modify(|resting| *resting += 1);
        Rest(self)
    }

    /// Ends when somebody rests who was not called yet. Returns how many.
    pub async fn someone(&self) -> usize {
        let mut resting = self.resting.subscribe();
        let called = || self.calls.available_permits();
        let found = resting.wait_for(|resting| *resting > called()).await;
        found.map_or(0, |resting| resting.saturating_sub(called()))
    }

    /// Calls so many of them.
    pub fn call(&self, count: usize) {
        self.calls.add_permits(count);
    }
}

impl Rest<'_> {
    /// Ends when this worker, or whoever rests with it, is called.
    pub async fn called(&self) {
        match self.0.calls.acquire().await {
            Ok(call) => call.forget(),
            // Nobody closes it.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        self.0.resting.send_modify(|resting| *resting -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn each_who_rests_is_called_once() {
        let idle = Idle::default();
        assert!(idle.someone().now_or_never().is_none(), "nobody rests");
        let (one, two) = (idle.rest(), idle.rest());
        assert_eq!(idle.someone().await, 2);
        idle.call(1);
        assert_eq!(idle.someone().await, 1);
        idle.call(1);
        assert!(idle.someone().now_or_never().is_none(), "all are called");
        one.called().await;
        two.called().await;
        assert!(one.called().now_or_never().is_none());
        drop((one, two));
        assert!(idle.someone().now_or_never().is_none(), "both have work");
    }
}
