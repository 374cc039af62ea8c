//! What people of a living shop do: register, move, agree or no longer agree, order, and send back.
//!
//! **Invariants:** the same people and seed give the same edits. Each edit is one that a shop allows: no address comes
//! twice, no more pieces come back than were bought, and an order goes forward only. Memory is bounded: edits are about the
//! first [`MOST`] customers and the latest [`MOST`] orders.

use super::{Customer, Order, People, State};
use crate::shared::catalogue::dice::Dice;

/// Customers and orders that are remembered.
const MOST: usize = 2_000;

/// Something that one of the people does, or the shop does for them.
#[derive(Clone, Debug)]
pub enum Edit {
    /// A guest has an account from now on.
    Registered {
        /// The account.
        customer: Box<Customer>,
        /// Key of the order that was a guest's.
        order: String,
    },
    /// A customer has another e-mail address.
    Email {
        /// Key of the customer.
        customer: String,
        /// The address.
        email: String,
    },
    /// A customer agrees to e-mails, or no longer does.
    Consent {
        /// Key of the customer, who has said something about that before.
        customer: String,
        /// Whether it is granted.
        agrees: bool,
    },
    /// An order is placed.
    Placed(Box<Order>),
    /// The shop changes what an open order holds.
    Edited(Box<Order>),
    /// An order goes on.
    Moved {
        /// Key of the order.
        order: String,
        /// How far it is now.
        state: State,
    },
    /// Pieces are back.
    Returned {
        /// Key of the order.
        order: String,
        /// Index of the line.
        line: usize,
        /// Pieces.
        quantity: i64,
        /// Whether they are paid back.
        refunded: bool,
    },
}

/// An endless stream of edits; it ends at once where there are no orders.
#[derive(Debug)]
pub struct LivingPeople {
    dice: Dice,
    customers: Vec<Customer>,
    orders: Vec<Order>,
    patterns: Vec<Order>,
    /// Counts what was added, for keys and addresses of their own.
    count: u64,
    keeps_addresses: bool,
}

impl LivingPeople {
    /// Gets to know people.
    pub fn new(people: &People, seed: u64) -> Self {
        let patterns: Vec<Order> = people.orders.iter().filter(|it| !it.lines.is_empty()).take(100).cloned().collect();
        let orders = people.orders.iter().rev().take(MOST).rev().cloned().collect();
        let customers = people.customers.iter().filter(|it| it.email.contains('@')).take(MOST).cloned().collect();
        Self { dice: Dice::new(seed, 0x9E09), customers, orders, patterns, count: 0, keeps_addresses: false }
    }

    /// The same people, but customers who have ordered keep their addresses, as their orders do.
    #[must_use]
    pub fn keeping_addresses(self) -> Self {
        Self { keeps_addresses: true, ..self }
    }

    fn edit(&mut self) -> Option<Edit> {
        match self.dice.below(10) {
            0 => self.registered(),
            1 => self.email(),
            2 => self.consent(),
            3..=5 => self.placed(),
            6 => self.edited(),
            7 => self.returned(),
            _ => self.moved(),
        }
    }

    fn next_number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn registered(&mut self) -> Option<Edit> {
        let place = self.dice.below(self.orders.len());
        let order = self.orders.get(place)?;
        let mut customer = Customer::of_guest(order)?;
        // A guest who ordered twice registers once.
        if self.customers.iter().any(|known| known.email == customer.email) || self.customers.len() >= MOST {
            return None;
        }
        let (order, number) = (order.key.clone(), self.next_number());
        customer.key = format!("registered-{number}");
        customer.agrees_to_email = Some(self.dice.one_in(2));
        self.orders.get_mut(place)?.customer = Some(customer.key.clone());
        self.customers.push(customer.clone());
        Some(Edit::Registered { customer: Box::new(customer), order })
    }

    fn email(&mut self) -> Option<Edit> {
        let (place, number) = (self.dice.below(self.customers.len()), self.next_number());
        let customer = self.customers.get_mut(place)?;
        let has_ordered = || self.orders.iter().any(|order| order.customer.as_ref() == Some(&customer.key));
        if self.keeps_addresses && has_ordered() {
            return None;
        }
        let (_, domain) = customer.email.split_once('@')?;
        customer.email = format!("moved.{number}@{domain}");
        Some(Edit::Email { customer: customer.key.clone(), email: customer.email.clone() })
    }

    fn consent(&mut self) -> Option<Edit> {
        let place = self.dice.below(self.customers.len());
        let customer = self.customers.get_mut(place)?;
        let agrees = !customer.agrees_to_email?;
        customer.agrees_to_email = Some(agrees);
        Some(Edit::Consent { customer: customer.key.clone(), agrees })
    }

    fn placed(&mut self) -> Option<Edit> {
        let (pattern, buyer) = (self.dice.below(self.patterns.len()), self.dice.below(self.customers.len().max(1)));
        let (number, is_guest) = (self.next_number(), self.dice.one_in(5));
        let customer = self.customers.get(buyer).filter(|_| !is_guest);
        let pattern = self.patterns.get(pattern)?;
        let guest = || format!("guest.{number}@shop{}", super::words::EMAIL);
        let order = Order {
            key: format!("placed-{number}"),
            number: Some(format!("{}", 9_000_000 + number)),
            customer: customer.map(|it| it.key.clone()),
            email: Some(customer.map_or_else(guest, |it| it.email.clone())),
            state: State::Open,
            returns: Vec::new(),
            ..pattern.clone()
        };
        if self.orders.len() >= MOST {
            self.orders.remove(0);
        }
        self.orders.push(order.clone());
        Some(Edit::Placed(Box::new(order)))
    }

    fn edited(&mut self) -> Option<Edit> {
        let place = self.dice.below(self.orders.len());
        let order = self.orders.get_mut(place).filter(|it| it.state == State::Open && it.returns.is_empty())?;
        *order = order.clone().edited();
        Some(Edit::Edited(Box::new(order.clone())))
    }

    fn moved(&mut self) -> Option<Edit> {
        let (place, is_cancelled) = (self.dice.below(self.orders.len()), self.dice.one_in(6));
        let order = self.orders.get_mut(place)?;
        order.state = match order.state {
            State::Open | State::Confirmed if is_cancelled => State::Cancelled,
            State::Open => State::Confirmed,
            State::Confirmed => State::Shipped,
            State::Shipped => State::Complete,
            State::Complete | State::Cancelled => return None,
        };
        Some(Edit::Moved { order: order.key.clone(), state: order.state })
    }

    fn returned(&mut self) -> Option<Edit> {
        let (place, refunded) = (self.dice.below(self.orders.len()), self.dice.one_in(2));
        let order = self.orders.get_mut(place)?;
        if !matches!(order.state, State::Shipped | State::Complete) {
            return None;
        }
        let before: i64 = order.returns.iter().filter(|it| it.line == 0).map(|it| it.quantity).sum();
        if before >= order.lines.first()?.quantity {
            return None;
        }
        order.returns.push(super::Return { line: 0, quantity: 1, is_back: true, is_refunded: refunded });
        Some(Edit::Returned { order: order.key.clone(), line: 0, quantity: 1, refunded })
    }
}

impl Iterator for LivingPeople {
    type Item = Edit;

    fn next(&mut self) -> Option<Edit> {
        // What is picked may not allow the edit that is picked for it; then another is.
        (0..1_000).find_map(|_| self.edit())
    }
}
