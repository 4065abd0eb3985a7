"""Appointments, contacts and tasks over EWS: `store.EwsItemStore` is what is used outside."""
