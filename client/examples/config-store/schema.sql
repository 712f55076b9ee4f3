-- The users, and which of them have changed since their settings were last copied (sync.js).

CREATE TABLE users (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL,
    language text NOT NULL DEFAULT 'en',
    theme    text NOT NULL DEFAULT 'light'
);

-- One row a user, however often they change.  It is written in the transaction of the change itself, so
-- none is forgotten; sync.js removes it once the copy is made, unless its number has moved on meanwhile.
CREATE SEQUENCE changes;
CREATE TABLE changed_users (
    user_id bigint PRIMARY KEY,
    change  bigint NOT NULL DEFAULT nextval('changes')
);

CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changed_users (user_id) VALUES (coalesce(NEW.id, OLD.id))
        ON CONFLICT (user_id) DO UPDATE SET change = excluded.change;
    NOTIFY users_changed;
    RETURN NULL;
END $$;

CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION note_change();
