//! The order in which the numbers of shards are added.

use std::ops::Range;

/// A binary tree over a number of shards: each node is the sum of its left half and its right half, and the left has no
/// more shards than the right. Who computes which node is no part of it; so the bits of a sum depend on how many shards there are
/// and on nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    shards: usize,
}

/// A node of a [`Tree`]: consecutive shards, summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    start: usize,
    end: usize,
}

impl Node {
    /// The shards that it is the sum of.
    pub fn shards(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The two nodes that it is the sum of; `None` of a single shard.
    pub fn halves(&self) -> Option<(Node, Node)> {
        let middle = self.start + (self.end - self.start) / 2;
        (middle > self.start)
            .then_some((Node { start: self.start, end: middle }, Node { start: middle, end: self.end }))
    }

    /// Is this node part of the other, or the same?
    pub fn lies_in(&self, other: &Node) -> bool {
        other.start <= self.start && self.end <= other.end
    }

    /// How the node is summed of `parts`, nodes that cover its shards from left to right: what is left on the stack is the
    /// sum. `None` where they don't.
    pub fn sum_of(&self, parts: &[Node]) -> Option<Vec<Sum>> {
        let (mut steps, mut next) = (Vec::new(), 0);
        sum_of(*self, parts, &mut next, &mut steps)?;
        (next == parts.len()).then_some(steps)
    }
}

/// A step of a sum over a stack of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// The numbers of this part, by its place, are put onto the stack.
    Take(usize),
    /// The two uppermost are replaced by their sum, the lower one plus the upper.
    Add,
}

impl Tree {
    /// Over so many shards, at least one.
    pub fn new(shards: usize) -> Self {
        Self { shards: shards.max(1) }
    }

    pub fn shards(&self) -> usize {
        self.shards
    }

    /// All of it.
    pub fn root(&self) -> Node {
        Node { start: 0, end: self.shards }
    }

    /// The fewest nodes that `range` consists of, from left to right. Of a range that is no node they are more than one:
    /// what lies between them and the nodes of others is not added yet.
    pub fn cover(&self, range: Range<usize>) -> Vec<Node> {
        let mut nodes = Vec::new();
        cover(self.root(), &range, &mut nodes);
        nodes
    }
}

fn cover(node: Node, range: &Range<usize>, nodes: &mut Vec<Node>) {
    if node.end <= range.start || range.end <= node.start {
        return;
    }
    match node.halves() {
        Some((left, right)) if node.start < range.start || range.end < node.end => {
            cover(left, range, nodes);
            cover(right, range, nodes);
        }
        _ => nodes.push(node),
    }
}

fn sum_of(node: Node, parts: &[Node], next: &mut usize, steps: &mut Vec<Sum>) -> Option<()> {
    if parts.get(*next) == Some(&node) {
        steps.push(Sum::Take(*next));
        *next += 1;
        return Some(());
    }
    let (left, right) = node.halves()?;
    sum_of(left, parts, next, steps)?;
    sum_of(right, parts, next, steps)?;
    steps.push(Sum::Add);
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ranks::share;

    /// The sum by steps, of one number a part.
    fn run(steps: &[Sum], parts: &[f32]) -> f32 {
        let mut stack = Vec::new();
        for step in steps {
            match step {
                Sum::Take(part) => stack.push(parts[*part]),
                Sum::Add => {
                    let upper = stack.pop().unwrap();
                    *stack.last_mut().unwrap() += upper;
                }
            }
        }
        assert_eq!(stack.len(), 1);
        stack[0]
    }

    /// The sum of a node's own shards.
    fn of_node(node: Node, shards: &[f32]) -> f32 {
        match node.halves() {
            None => shards[node.start],
            Some((left, right)) => of_node(left, shards) + of_node(right, shards),
        }
    }

    /// What `parts` of the shards, as equal as they can be, each summed by a rank of its own, add up to.
    fn split(tree: Tree, shards: &[f32], parts: usize) -> f32 {
        let nodes: Vec<Node> = (0..parts).flat_map(|i| tree.cover(share(tree.shards(), parts, i))).collect();
        let sums: Vec<f32> = nodes.iter().map(|&node| of_node(node, shards)).collect();
        run(&tree.root().sum_of(&nodes).unwrap(), &sums)
    }

    proptest! {
        #[test]
        fn the_bits_of_a_sum_do_not_depend_on_who_adds_what(shards in prop::collection::vec(-1e3f32..1e3, 1..70)) {
            let tree = Tree::new(shards.len());
            let whole = of_node(tree.root(), &shards);
            for parts in 1..=shards.len() {
                prop_assert_eq!(split(tree, &shards, parts).to_bits(), whole.to_bits(), "{} parts", parts);
            }
            let exact: f64 = shards.iter().map(|&x| f64::from(x)).sum();
            prop_assert!((f64::from(whole) - exact).abs() < 0.1);
        }

        #[test]
        fn a_cover_is_the_range_in_order(shards in 1usize..70, a in 0usize..70, b in 0usize..70) {
            let (start, end) = (a.min(b).min(shards), a.max(b).min(shards));
            let nodes = Tree::new(shards).cover(start..end);
            let all: Vec<usize> = nodes.iter().flat_map(Node::shards).collect();
            prop_assert_eq!(all, (start..end).collect::<Vec<_>>());
        }
    }

    #[test]
    fn ranks_by_powers_of_two_own_one_node_each() {
        for (shards, ranks) in [(8, 2), (12, 4), (24, 8), (7 * 16, 16)] {
            let tree = Tree::new(shards);
            assert!((0..ranks).all(|rank| tree.cover(share(shards, ranks, rank)).len() == 1), "{shards} on {ranks}");
        }
        assert_eq!(Tree::new(6).cover(1..6).len(), 2, "1..3 and 3..6");
    }

    #[test]
    fn parts_that_are_no_cover_make_no_sum() {
        let tree = Tree::new(4);
        let nodes = tree.cover(0..4);
        assert_eq!(tree.root().sum_of(&nodes).unwrap(), [Sum::Take(0)]);
        assert_eq!(tree.root().sum_of(&[]), None);
        assert_eq!(tree.root().sum_of(&tree.cover(0..3)), None);
        assert_eq!(tree.root().sum_of(&[nodes[0], nodes[0]]), None);
        assert!(tree.cover(2..2).is_empty());
    }
}
