//! Holds every copy of every leaf against the signed heads, bundle by bundle.

use std::io;

use crate::audit::{
    leaf::Link,
    merkle::{Frontier, Hash, root_of},
    tiles::{ObjectName, Series, TILE_WIDTH},
    verify::{Fault, Problem, Store, chains::Chains, copies::Copies, heads::Heads, listing::Listing},
};

/// What was found about the leaves.
pub(super) struct Leaves {
    pub(super) problems: Vec<Problem>,
    /// The root over all leaves, where all are known.
    pub(super) root: Option<Hash>,
    /// The nodes of level 1, over 256 leaves each, where they are known.
    pub(super) nodes: Vec<Option<Hash>>,
    pub(super) entries: u64,
    pub(super) agents: usize,
}

/// Goes through the bundles of a tree of that size.
pub(super) fn check(store: &dyn Store, listing: &Listing, heads: &Heads, size: u64) -> io::Result<Leaves> {
    let mut pass = Pass {
        store,
        listing,
        heads,
        frontier: Some(Frontier::default()),
        chains: Chains::default(),
        mismatches: Vec::new(),
        signed_to: 0,
        nodes: Vec::new(),
        entries: 0,
        problems: Vec::new(),
    };
    let width = u64::from(TILE_WIDTH);
    for index in 0..size.min(listing.extent()).div_ceil(width) {
        let wanted = TILE_WIDTH.min(u16::try_from(size - index * width).unwrap_or(TILE_WIDTH));
        pass.check_bundle(index, wanted)?;
    }
    Ok(pass.finish(size))
}

struct Pass<'a> {
    store: &'a dyn Store,
    listing: &'a Listing,
    heads: &'a Heads,
    /// The tree over the leaves so far; nothing once a leaf is unknown.
    frontier: Option<Frontier>,
    chains: Chains,
    /// Sizes of signed heads that the tree does not have.
    mismatches: Vec<u64>,
    /// The largest signed head that the tree has.
    signed_to: u64,
    nodes: Vec<Option<Hash>>,
    entries: u64,
    problems: Vec<Problem>,
}

impl Pass<'_> {
    fn check_bundle(&mut self, index: u64, wanted: u16) -> io::Result<()> {
        let copies = Copies::read(self.store, self.listing, index, wanted)?;
        let (hashes, is_settled) = self.choose(&copies)?;
        let mut problems = copies.missing(self.listing.extent());
        problems.extend(copies.compare(&hashes, is_settled));
        self.grow(&hashes, usize::from(wanted));
        self.follow(&copies, &hashes, &mut problems);
        self.problems.append(&mut problems);
        Ok(())
    }

    /// The leaf hashes to go on with, and whether the copies agree or something else decided between them.
    fn choose(&self, copies: &Copies) -> io::Result<(Vec<Hash>, bool)> {
        let candidates = copies.candidates();
        if let [only] = candidates[..] {
            return Ok((only.to_vec(), true));
        }
        for candidate in &candidates {
            if self.leads_to_signed_roots(copies.start(), candidate) {
                return Ok((candidate.to_vec(), true));
            }
        }
        let parents = self
            .listing
            .read_copies(self.store, Series::Tile(1), copies.index >> 8)?;
        let [.., place] = copies.index.to_be_bytes();
        for candidate in &candidates {
            let (parent, range) = (
                root_of(candidate),
                usize::from(place) * 32..usize::from(place) * 32 + 32,
            );
            let is_full = candidate.len() == usize::from(TILE_WIDTH);
            if is_full
                && parents
                    .iter()
                    .any(|tile| tile.bytes.get(range.clone()) == Some(&parent))
            {
                return Ok((candidate.to_vec(), true));
            }
        }
        Ok((
            candidates.first().map(|first| first.to_vec()).unwrap_or_default(),
            false,
        ))
    }

    /// Whether there are signed heads within these leaves, and the leaves give the roots of all.
    fn leads_to_signed_roots(&self, start: u64, hashes: &[Hash]) -> bool {
        let Some(mut frontier) = self.frontier.clone() else {
            return false;
        };
        let mut heads = self
            .heads
            .between(start + 1, start + hashes.len() as u64)
            .peekable();
        let is_spoken_for = heads.peek().is_some();
        let mut hashes = hashes.iter();
        is_spoken_for
            && heads.all(|(size, signed)| {
                while frontier.size() < size {
                    let Some(hash) = hashes.next() else { return false };
                    frontier.push(*hash);
                }
                frontier.root() == signed.root
            })
    }

    /// Appends the leaves to the tree and compares its root at each signed size.
    fn grow(&mut self, hashes: &[Hash], wanted: usize) {
        let is_tile = hashes.len() == usize::from(TILE_WIDTH);
        self.nodes.push(is_tile.then(|| root_of(hashes)));
        let Some(mut frontier) = self.frontier.take() else {
            return;
        };
        for hash in hashes {
            frontier.push(*hash);
            let size = frontier.size();
            match self.heads.at(size) {
                Some(signed) if signed.root == frontier.root() => self.signed_to = size,
                Some(_) => self.mismatches.push(size),
                None => {}
            }
        }
        self.frontier = (hashes.len() >= wanted).then_some(frontier);
    }

    /// Follows the agents' chains through the leaves that are what was logged, and names the entries of
    /// problems.
    fn follow(&mut self, copies: &Copies, hashes: &[Hash], problems: &mut Vec<Problem>) {
        let marked: Vec<u64> = problems.iter().filter_map(|problem| problem.log_index).collect();
        for (log_index, hash) in (copies.start()..).zip(hashes) {
            let leaf = copies.leaf(log_index);
            let link = leaf.map(|(bytes, _)| Link::read(bytes));
            if leaf.is_none_or(|(_, found)| found != *hash) {
                self.chains
                    .pass_unread(log_index, *hash, link.and_then(Result::ok).as_ref());
                continue;
            }
            self.entries += 1;
            let fault = match link.expect("a leaf was found") {
                Ok(link) => {
                    let fault = self.chains.follow(*hash, &link);
                    if fault.is_some() || marked.contains(&log_index) {
                        self.chains
                            .names
                            .insert(log_index, (link.agent_id, link.agent_seq));
                    }
                    fault
                }
                Err(error) => Some(Fault::NotAnEntry {
                    reason: error.to_string(),
                }),
            };
            problems.extend(fault.map(|fault| Problem::of_entry(&copies.bundle_path(), log_index, fault)));
        }
        if hashes.len() < usize::from(copies.wanted) {
            self.chains.pass_unknown();
        }
    }

    fn finish(mut self, size: u64) -> Leaves {
        let extent = self.listing.extent();
        if extent < size {
            let wanted = ObjectName::new(Series::Entries, extent / u64::from(TILE_WIDTH), TILE_WIDTH);
            let fault = Fault::EndMissing { last: size - 1 };
            self.problems
                .push(Problem::of_entry(&wanted.to_string(), extent, fault));
        }
        self.report_mismatches();
        for problem in &mut self.problems {
            let name = problem.log_index.and_then(|index| self.chains.names.get(&index));
            (problem.agent_id, problem.agent_seq) = name.map(|(agent, seq)| (*agent, *seq)).unzip();
        }
        Leaves {
            problems: self.problems,
            root: self
                .frontier
                .filter(|frontier| frontier.size() == size)
                .map(|frontier| frontier.root()),
            nodes: self.nodes,
            entries: self.entries,
            agents: self.chains.agents(),
        }
    }

    /// A head that does not match is of a fork where a newer one matches, and else the first shows a changed
    /// entry.
    fn report_mismatches(&mut self) {
        for size in &self.mismatches {
            let signed = self.heads.at(*size).expect("a signed head did not match");
            if *size < self.signed_to {
                self.problems
                    .push(Problem::of_object(&signed.place, Fault::Forked { size: *size }));
                continue;
            }
            let fault = Fault::NotAsSigned {
                first: self.signed_to,
                last: size - 1,
            };
            self.problems
                .push(Problem::of_entry(&signed.place, self.signed_to, fault));
            break;
        }
    }
}
