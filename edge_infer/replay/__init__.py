"""A recorded flight once more: a bag through the nodes, in virtual time, with a report."""
